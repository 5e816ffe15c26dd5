"""Messages moved by a person on a real store: where they stand, who takes part, and what the index learns."""

from dataclasses import replace

import pytest
from answering_lab import id_of, moving, number_of, people, tending, ticket
from routing_lab import OPENING, Lab, mail, open_lab

from router.desk import NoSuchTicketError
from router.moving import NotMovedError
from router.policy import Staff


async def mixed(lab: Lab) -> tuple[str, str]:
    """Bob's answer was put on Ana's ticket, and Bob has one of his own."""
    await lab.route(mail("ana-1", cc=["bob@b.example"]), mail("bob-1", "bob@b.example", subject="Scanner"))
    await lab.route(mail("bob-2", "bob@b.example", answers="ana-1", references=["far"], cc=["ana@a.example"]))
    ana, bob = await number_of(lab, "ana-1"), await number_of(lab, "bob-1")
    assert await number_of(lab, "bob-2") == ana
    return ana, bob


async def test_a_message_moves_with_counts_people_and_events(database: str) -> None:
    async with open_lab(database) as lab:
        ana, bob = await mixed(lab)
        moved = await moving(lab).move(await id_of(lab, "bob-2"), bob, by="rui")
        assert (moved.before, moved.now) == (ana, bob)
        assert await number_of(lab, "bob-2") == bob
        assert ((await ticket(lab, ana))["message_count"], (await ticket(lab, bob))["message_count"]) == (1, 2)
        assert await people(lab, ana) == {"ana@a.example": "requester"}
        decision = await lab.decision("bob-2")
        assert decision["rule"] == "operator"
        assert "by rui" in decision["explanation"]
        events = [Lab.event(row["event"]) for row in await lab.rows("select event from outbox order by position")]
        moves = [(e.subject, e.data.other) for e in events if e.type == "ticket.message_moved"]
        assert moves == [(ana, bob), (bob, ana)]


async def test_the_next_mail_with_the_same_ids_follows_even_a_known_id(database: str) -> None:
    async with open_lab(database) as lab:
        ana, bob = await mixed(lab)
        await moving(lab).move(await id_of(lab, "bob-2"), bob)
        await lab.route(mail("bob-3", "bob@b.example", answers="ana-1", subject="Printer", cc=["ana@a.example"]))
        assert await number_of(lab, "bob-3") == bob
        await lab.route(mail("ana-2", answers="ana-1"))
        assert await number_of(lab, "ana-2") == ana


async def test_answers_to_the_moved_message_follow_it(database: str) -> None:
    async with open_lab(database) as lab:
        _, bob = await mixed(lab)
        await moving(lab).move(await id_of(lab, "bob-2"), bob)
        await lab.route(mail("bob-4", "bob@b.example", answers="bob-2", references=["ana-1"]))
        assert await number_of(lab, "bob-4") == bob


async def test_a_message_moves_to_a_ticket_of_its_own(database: str) -> None:
    async with open_lab(database) as lab:
        ana, bob = await mixed(lab)
        moved = await moving(lab).move(await id_of(lab, "bob-2"), "new")
        assert moved.now not in (ana, bob)
        assert await people(lab, moved.now) == {"bob@b.example": "requester", "ana@a.example": "recipient"}


async def test_a_message_moves_back_to_the_spool_and_can_be_placed_again(database: str) -> None:
    async with open_lab(database) as lab:
        ana, _ = await mixed(lab)
        message = await id_of(lab, "bob-2")
        await moving(lab).move(message, "hold")
        assert await lab.held() == {"bob-2": "unmatched_reply"}
        assert (await ticket(lab, ana))["message_count"] == 1
        with pytest.raises(NotMovedError, match="held"):
            await moving(lab).move(message, ana)


async def test_a_ticket_that_loses_its_last_message_is_closed(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", subject="Scanner"))
        one, two = await number_of(lab, "one"), await number_of(lab, "two")
        await moving(lab).move(await id_of(lab, "two"), one)
        found = await ticket(lab, two)
        assert (found["status"], found["message_count"]) == ("closed", 0)


async def test_moving_to_where_it_stands_does_nothing(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        moved = await moving(lab).move(await id_of(lab, "one"), await number_of(lab, "one"))
        assert moved.already
        assert await lab.events() == ["ticket.created"]


async def test_nothing_moves_to_another_scope_or_nowhere(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", subject="Scanner", account="sales", scope="sales"))
        message = await id_of(lab, "one")
        with pytest.raises(NoSuchTicketError, match="scope"):
            await moving(lab).move(message, await number_of(lab, "two"))
        with pytest.raises(NoSuchTicketError):
            await moving(lab).move(message, "4829173056")
        with pytest.raises(NotMovedError):
            await moving(lab).move(999_999, "new")


async def test_a_mail_whose_check_failed_teaches_nothing(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(
            mail("one"),
            mail("two", "bob@b.example", subject="Scanner", verdict="fail", references=["far"]),
            policies=OPENING,
        )
        await moving(lab).move(await id_of(lab, "two"), await number_of(lab, "one"))
        assert await lab.rows("select 1 from quoted_ids where taught") == []
        assert "bob@b.example" not in await people(lab, await number_of(lab, "one"))


async def test_whom_the_moved_message_alone_brought_in_takes_part_no_more(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("ana-1", cc=["bob@b.example"]), mail("ana-2", subject="Scanner"))
        eve, bob = "eve@e.example", "bob@b.example"
        await lab.route(mail("forged", answers="ana-1", cc=[eve, bob], minutes=1))
        ana, other = await number_of(lab, "ana-1"), await number_of(lab, "ana-2")
        assert eve in await people(lab, ana)
        await moving(lab).move(await id_of(lab, "forged"), other)
        assert await people(lab, ana) == {"ana@a.example": "requester", bob: "recipient"}


async def test_who_left_a_merged_ticket_takes_part_by_the_merge_no_more(database: str) -> None:
    async with open_lab(database) as lab:
        ana, bob = await mixed(lab)
        await lab.route(mail("ana-2", subject="Other"))
        other = await number_of(lab, "ana-2")
        await tending(lab).merge(ana, into=other)
        assert "bob@b.example" in await people(lab, other)
        await moving(lab).move(await id_of(lab, "bob-2"), bob)
        assert await people(lab, other) == {"ana@a.example": "requester"}


async def test_an_agents_message_that_is_moved_to_a_ticket_of_its_own_is_an_agents(database: str) -> None:
    staff = replace(OPENING, staff=Staff(addresses=frozenset({"rui@r.example"})))
    async with open_lab(database) as lab:
        await lab.route(mail("one", "rui@r.example"), policies=OPENING)
        await moving(lab, staff).move(await id_of(lab, "one"), "new")
        assert (await lab.rows("select author from messages"))[0]["author"] == "agent"


async def test_whom_a_message_names_that_stays_takes_part_still(database: str) -> None:
    async with open_lab(database) as lab:
        eve = "eve@e.example"
        await lab.route(mail("one"), mail("two", answers="one", cc=[eve]), mail("three", answers="one", cc=[eve]))
        rui = "rui@r.example"
        await lab.route(mail("four", answers="one", cc=[rui]), mail("five", rui, answers="four"))
        for name in ("two", "four"):
            await moving(lab).move(await id_of(lab, name), "hold")
        assert sorted(await people(lab, await number_of(lab, "one"))) == ["ana@a.example", eve, rui]
