"""Old tickets on a real store: found, bound by policy and by people, sent on, and never by two workers at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from answering_lab import moving, number_of, store_of
from legacy_lab import ANA, BOB, OTRS, about, opening, policies
from routing_lab import START, Lab, digest, mail, open_lab

from router.desk import Desk, DeskError, Filed, NotHeldError
from router.policy import Policies
from router.second_look import SecondLook
from schemas.legacy import ImportedTicket, old_ticket_key
from schemas.placement import address_key
from ticket_store.legacy import choose_forwarding
from ticket_store.legacy_import import stage, store_staged

FORWARDING = policies(replace(OTRS, forward_to="in@otrs.example"))


@pytest.fixture
async def lab(database: str) -> AsyncIterator[Lab]:
    async with open_lab(database) as made:
        yield made


def desk_of(lab: Lab, chosen: Policies) -> Desk:
    return Desk(store=lab.store, policies=chosen, source="/switchboard/lab", clock=lambda: START)


async def message_id(lab: Lab, name: str) -> int:
    found: int = (await lab.rows("select id from messages where body_text = %s", [f"text of {name}"]))[0]["id"]
    return found


async def old(lab: Lab, number: str = "42") -> dict[str, Any]:
    query = "select choice, ticket_id, chosen_by, imported_at from legacy_tickets where desk = 'otrs' and number = %s"
    return (await lab.rows(query, [number]))[0]


async def woken(lab: Lab) -> list[str]:
    query = "select body_text from spool join messages on id = message_id where look_again_at is not null order by id"
    return [row["body_text"].removeprefix("text of ") for row in await lab.rows(query)]


async def imported(lab: Lab, number: str, *, requester: str = "", ids: tuple[str, ...] = ()) -> None:
    key = address_key("mail", "", requester) if requester else None
    digests = [bytes.fromhex(digest(one)) for one in ids]
    line = ImportedTicket(number, key, requester, "", "Printer", "open", None, [], digests)
    async with lab.pool.connection() as connection:
        await connection.rollback()
        await connection.set_autocommit(True)
        total = await stage(connection, [line])
        await store_staged(connection, total, desk="otrs", scopes={"support"}, now=START, progress=lambda _: None)
        await connection.execute("discard temp")


async def test_a_person_opens_one_and_the_next_ones_follow_while_the_held_ones_are_looked_at_again(lab: Lab) -> None:
    await lab.route(about("one"), about("two", BOB, minutes=1), policies=policies())
    await lab.route(about("else", subject="Re: [Ticket#43] x"), policies=policies())
    filed = await desk_of(lab, policies()).open(await message_id(lab, "one"), by="ola")
    assert (await old(lab))["chosen_by"] == "ola"
    assert await woken(lab) == ["two"]
    await lab.route(about("three", minutes=2), policies=policies())
    assert await lab.threads() == {"one": ["one", "three"]}
    decision = await lab.decision("three")
    assert (decision["rule"], decision["ticket"]) == ("legacy", filed.ticket)


async def test_a_person_links_one_to_a_ticket_and_an_id_of_the_export_follows(lab: Lab) -> None:
    await imported(lab, "42", requester=ANA, ids=("m1", "m2"))
    await lab.route(mail("new", ANA, subject="Printer"), policies=policies())
    await lab.route(about("one", answers="m1", subject="Re: Printer", minutes=1), policies=policies())
    number = (await lab.rows("select number from tickets"))[0]["number"]
    await desk_of(lab, policies()).link(await message_id(lab, "one"), number)
    await lab.route(mail("two", ANA, answers="m2", subject="Re: Printer", minutes=2), policies=policies())
    assert await lab.threads() == {"new": ["new", "one", "two"]}


async def test_a_strangers_message_that_is_opened_for_itself_takes_the_old_ticket_from_nobody(lab: Lab) -> None:
    await imported(lab, "42", requester=ANA)
    await lab.route(about("ana"), about("bob", BOB), policies=policies())
    desk = desk_of(lab, policies())
    await desk.open(await message_id(lab, "ana"))
    before = await old(lab)
    await desk.open(await message_id(lab, "bob"))
    assert await old(lab) == before


async def test_the_requesters_message_takes_its_old_ticket_back(lab: Lab) -> None:
    await imported(lab, "42", requester=ANA)
    await lab.route(about("bob", BOB), about("ana"), policies=policies())
    desk = desk_of(lab, policies())
    await desk.open(await message_id(lab, "bob"))
    await desk.open(await message_id(lab, "ana"))
    await lab.route(about("next", minutes=5), policies=policies())
    assert await lab.threads() == {"bob": ["bob"], "ana": ["ana", "next"]}


async def test_a_moved_message_takes_its_old_ticket_along(lab: Lab) -> None:
    await lab.route(about("one"), mail("other", ANA, subject="Something else"), policies=opening())
    number = await number_of(lab, "other")
    await moving(lab, opening()).move(await message_id(lab, "one"), number, by="rui")
    assert (await old(lab))["chosen_by"] == "rui"
    await lab.route(about("two", minutes=5), policies=opening())
    assert await lab.threads() == {"one": ["one", "other", "two"]}


async def test_somebody_elses_moved_message_leaves_the_old_ticket_where_it_goes_on(lab: Lab) -> None:
    await imported(lab, "42", requester=ANA)
    await lab.route(about("ana"), policies=opening())
    await lab.route(about("bob", BOB, minutes=1), policies=opening())
    before = await old(lab)
    await desk_of(lab, opening()).link(await message_id(lab, "bob"), await number_of(lab, "ana"))
    await moving(lab, opening()).move(await message_id(lab, "bob"), "new")
    assert await old(lab) == before


async def test_a_message_taken_off_its_ticket_waits_with_its_old_ticket_beside_it(lab: Lab) -> None:
    await lab.route(about("one"), policies=opening())
    await moving(lab, opening()).move(await message_id(lab, "one"), "hold")
    decision = await lab.decision("one")
    assert [found["shown"] for found in decision["evidence"]] == ["otrs 42"]
    assert len(await lab.rows("select * from held_ids")) == 1


async def test_a_person_sends_one_on_and_the_next_ones_are_sent_on_by_themselves(lab: Lab) -> None:
    await lab.route(about("one"), policies=FORWARDING)
    desk, one = desk_of(lab, FORWARDING), await message_id(lab, "one")
    assert await desk.forward(one, by="ola") == Filed(ticket="", released=0)
    assert await desk.forward(one, by="ola") == Filed(ticket="", released=0)
    await lab.route(about("two", minutes=1), policies=FORWARDING)
    sends = await lab.rows("select message_id, ticket_id, kind, state, recipients, due_at from sends order by 1")
    assert [(row["message_id"], row["kind"], row["state"]) for row in sends] == [
        (one, "forward", "queued"),
        (await message_id(lab, "two"), "forward", "queued"),
    ]
    assert [row["recipients"][0]["address"] for row in sends] == ["in@otrs.example"] * 2
    states = await lab.rows("select distinct state from messages")
    assert [row["state"] for row in states] == ["noted"]
    assert (await old(lab))["choice"] == "forward"


async def test_what_was_only_noted_was_not_sent_on(lab: Lab) -> None:
    await lab.route(about("receipt", kind="receipt"), policies=FORWARDING)
    with pytest.raises(NotHeldError, match="noted"):
        await desk_of(lab, FORWARDING).forward(await message_id(lab, "receipt"))


async def test_what_no_old_desk_takes_cannot_be_sent_on(lab: Lab) -> None:
    await lab.route(about("one"), policies=policies())
    with pytest.raises(DeskError, match="forward_to"):
        await desk_of(lab, policies()).forward(await message_id(lab, "one"))


async def test_two_workers_open_one_ticket_for_one_old_one(lab: Lab) -> None:
    batches = [lab.route(about(f"m{n}", minutes=n), policies=opening()) for n in range(6)]
    await asyncio.gather(*batches)
    assert len(await lab.threads()) == 1
    assert (await old(lab))["chosen_by"] == "policy"


async def test_an_id_of_the_export_opens_one_ticket_for_two_workers_too(lab: Lab) -> None:
    await imported(lab, "42", requester=ANA, ids=("m1", "m2"))
    mails = [mail(f"n{n}", ANA, answers=f"m{1 + n % 2}", subject="Re: Printer", minutes=n) for n in range(6)]
    await asyncio.gather(*(lab.route(one, policies=opening()) for one in mails))
    assert len(await lab.threads()) == 1


async def test_a_batch_ends_as_one_message_at_a_time(lab: Lab) -> None:
    mails = [about("one"), about("two", minutes=1), about("bob", BOB, minutes=2), about("three", minutes=3)]
    await lab.route(*mails, policies=opening())
    assert await lab.threads() == {"one": ["one", "two", "three"]}
    assert await lab.held() == {"bob": "stranger"}


async def test_a_released_answer_is_not_awaited_any_more(lab: Lab) -> None:
    await lab.route(about("one"), mail("two", ANA, answers="one", minutes=1), policies=policies())
    filed = await desk_of(lab, policies()).open(await message_id(lab, "one"))
    assert filed.released == 1
    assert await lab.rows("select * from held_ids") == []


async def test_without_an_old_desk_no_statement_asks_for_one(lab: Lab) -> None:
    """The table may even be away."""
    await lab.run("alter table legacy_ids rename to away")
    await lab.route(mail("one", ANA), mail("two", ANA, answers="one"))
    await lab.route(mail("three", ANA, subject="[Ticket#42]"), policies=policies())
    assert len(await lab.threads()) == 1


async def test_what_the_old_desk_did_not_take_can_be_sent_on_again(lab: Lab) -> None:
    await lab.route(about("one", answers="far"), policies=FORWARDING)
    desk, one = desk_of(lab, FORWARDING), await message_id(lab, "one")
    await desk.forward(one)
    await lab.run("update sends set state = 'failed'")
    async with store_of(lab).transaction() as transaction:
        await transaction.hold_again(one, "It could not be sent on: 550", START)
    assert await lab.held() == {"one": "legacy"}
    waits = {row["digest"] for row in await lab.rows("select digest from held_ids")}
    assert waits == {bytes.fromhex(digest("far")), old_ticket_key("support", ("otrs", "42"))[1]}
    await desk.forward(one)
    assert [row["state"] for row in await lab.rows("select state from sends")] == ["queued"]


async def test_what_is_read_again_still_waits_for_a_choice(lab: Lab) -> None:
    one = about("one")
    await lab.route(one, policies=policies())
    await lab.route(one.model_copy(update={"normalizer_version": 2}), policies=policies())
    look = SecondLook(store=lab.store, policies=policies(), source="/switchboard/lab", clock=lambda: START)
    await look.round()
    await lab.route(about("two", minutes=1), policies=policies())
    await desk_of(lab, policies()).open(await message_id(lab, "two"))
    await look.round()
    assert await lab.threads() == {"one": ["one", "two"]}


async def test_a_choice_waits_for_the_router_that_decides_about_its_old_ticket(lab: Lab) -> None:
    async def choose() -> int:
        async with lab.pool.connection() as connection:
            return await choose_forwarding(connection, ("otrs", "42"), by="ola", now=START, scopes={"support"})

    async with lab.store.transaction() as transaction:
        await transaction.lock_ids([old_ticket_key("support", ("otrs", "42"))])
        choosing = asyncio.create_task(choose())
        done, _ = await asyncio.wait([choosing], timeout=0.3)
        assert not done
    assert await choosing == 0
    assert (await old(lab))["chosen_by"] == "ola"
