"""Operators: held messages onto tickets, and dead letters once more."""

import asyncio

import pytest
from router_running import Running, poison, stored
from routing_lab import HOLDING, START, Lab, LabLog, mail, open_lab

from router.desk import Desk, DeskError, Filed, NoSuchDeadLetterError, NoSuchTicketError, NotHeldError
from schemas.message import record_header
from schemas.numbers import shown


def desk_of(lab: Lab) -> Desk:
    return Desk(store=lab.store, policies=HOLDING, source="/switchboard/lab", clock=lambda: START)


async def message_id(lab: Lab, name: str) -> int:
    found: int = (await lab.rows("select id from messages where body_text = %s", [f"text of {name}"]))[0]["id"]
    return found


async def number_of(lab: Lab, name: str) -> str:
    query = "select number from tickets t join messages m on m.ticket_id = t.id where body_text = %s"
    found: str = (await lab.rows(query, [f"text of {name}"]))[0]["number"]
    return found


async def test_a_stranger_who_is_put_on_a_ticket_takes_part_from_then_on(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", "bob@b.example", answers="one", minutes=1))
        number = await number_of(lab, "one")
        filed = await desk_of(lab).link(await message_id(lab, "two"), number, by="ola")
        assert filed == Filed(ticket=number, released=0)
        await lab.route(mail("three", "bob@b.example", answers="two", minutes=2))
        assert await lab.threads() == {"one": ["one", "two", "three"]}
        decision = await lab.decision("two")
        assert (decision["rule"], decision["explanation"]) == ("operator", f"Put on ticket {number} by ola.")
        assert await lab.events() == ["ticket.created", "ticket.message_added", "ticket.message_added"]


@pytest.mark.parametrize("automatic", ["bounce", "auto_reply"])
async def test_a_machine_whose_message_is_put_on_a_ticket_takes_no_part(database: str, automatic: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", "mailer-daemon@mx.example", automatic=automatic, minutes=1))
        await desk_of(lab).link(await message_id(lab, "two"), await number_of(lab, "one"))
        assert await lab.threads() == {"one": ["one", "two"]}
        people = await lab.rows("select address from ticket_participants")
        assert [row["address"] for row in people] == ["ana@a.example"]


async def test_a_ticket_opened_for_a_held_message_takes_its_held_answers_along(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one", answers="away"), mail("two", answers="one", minutes=1))
        await lab.route(mail("three", answers="two", minutes=2))
        assert len(await lab.held()) == 3
        filed = await desk_of(lab).open(await message_id(lab, "one"))
        assert filed.released == 2
        assert await lab.threads() == {"one": ["one", "two", "three"]}
        assert await lab.held() == {}


async def test_putting_a_message_on_a_closed_ticket_opens_it(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", answers="away"))
        await lab.run("update tickets set status = 'closed', closed_at = created_at")
        await desk_of(lab).link(await message_id(lab, "two"), await number_of(lab, "one"))
        assert await lab.rows("select status, closed_at from tickets") == [{"status": "open", "closed_at": None}]


async def test_a_discarded_message_is_kept_and_nothing_follows_it(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one", answers="away"), mail("two", answers="one"))
        desk, held = desk_of(lab), await message_id(lab, "one")
        assert await desk.discard(held) == Filed(ticket="", released=0)
        assert await desk.discard(held) == Filed(ticket="", released=0)
        assert await lab.rows("select state from messages order by id") == [{"state": "discarded"}, {"state": "held"}]


async def test_asking_twice_does_no_harm_and_asking_for_something_else_is_told(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("other", "eve@e.example"), mail("two", answers="away"))
        desk, held = desk_of(lab), await message_id(lab, "two")
        one, other = await number_of(lab, "one"), await number_of(lab, "other")
        both = await asyncio.gather(desk.link(held, one), desk.link(held, one))
        assert list(both) == [Filed(ticket=one, released=0)] * 2
        with pytest.raises(NotHeldError, match=f"it is on ticket {shown(one)}"):
            await desk.link(held, other)
        with pytest.raises(NotHeldError, match="on ticket"):
            await desk.open(held)
        with pytest.raises(NotHeldError, match="no message"):
            await desk.discard(10**9)
        assert (await lab.events()).count("ticket.message_added") == 1


async def test_a_ticket_that_is_not_there_or_in_another_scope_is_told(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one", account="shop", scope="shop"), mail("two", answers="away"))
        desk, held = desk_of(lab), await message_id(lab, "two")
        for number in ("0000000000", await number_of(lab, "one")):
            with pytest.raises(NoSuchTicketError):
                await desk.link(held, number)
        assert await lab.held() == {"two": "unmatched_reply"}


async def test_a_dead_letter_is_routed_in_its_place(database: str) -> None:
    log = LabLog()
    log.append(mail("one"))
    log.append(poison("two"))
    async with open_lab(database) as lab:
        await (await Running(lab, log).assigned()).drain()
        letter = (await lab.rows("select id from dead_letters"))[0]["id"]
        desk = desk_of(lab)
        again = await desk.retry(letter)
        assert "SQLSTATE" in again.reason or "refuses" in again.reason or "DataError" in again.reason
        fixed = mail("two", "bob@b.example").model_dump_json().encode()
        await lab.run("update dead_letters set value = %s", [fixed])
        assert (await desk.retry(letter)).routed == {("opened", "new"): 1}
        assert await lab.rows("select id from dead_letters") == []
        assert await lab.rows('select "offset" from messages order by 1') == [{"offset": 0}, {"offset": 1}]
        assert await stored(lab) == {0: 2}
        assert await lab.rows("select 1 from blob_refs where owner_kind = 'dead_letter'") == []
        with pytest.raises(NoSuchDeadLetterError):
            await desk.retry(letter)


async def test_a_dead_letter_that_is_no_message_stays_with_its_reason(database: str) -> None:
    log = LabLog()
    log.append(b"{}")
    log.append(b"{}", headers=())
    async with open_lab(database) as lab:
        await (await Running(lab, log).assigned()).drain()
        letters = [row["id"] for row in await lab.rows("select id from dead_letters order by id")]
        again = await desk_of(lab).retry(letters[0])
        assert "missing" in again.reason
        newer = f'[["{record_header()[0]}", "aW5ib3VuZC1tZXNzYWdlLzkuMA=="]]'
        await lab.run("update dead_letters set headers = %s::jsonb where id = %s", [newer, letters[1]])
        with pytest.raises(DeskError, match=r"inbound-message/9\.0"):
            await desk_of(lab).retry(letters[1])
        assert len(await lab.rows("select id from dead_letters")) == 2
