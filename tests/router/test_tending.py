"""Closing, reopening, merging on a real store: what changes, who is told, and what is refused."""

import asyncio

import pytest
from answering_lab import LATER, answers, number_of, people, tending, ticket
from routing_lab import HOLDING, Lab, digest, mail, open_lab

from lifecycle.statuses import MoveError
from router.desk import NoSuchTicketError
from router.policy import Policies, Staff
from router.recipients import NotSaidError
from router.tending import NotTendedError
from schemas.message import Party, Text


async def events_of(lab: Lab, number: str) -> list[str]:
    rows = await lab.rows(
        "select o.type from outbox o join tickets t on t.id = o.ticket_id where t.number = %s order by o.sequence",
        [number],
    )
    return [row["type"] for row in rows]


async def test_closing_writes_ticket_and_event_together(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        which = await number_of(lab, "one")
        await tending(lab).close(which)
        found = await ticket(lab, which)
        assert (found["status"], found["closed_at"], found["version"]) == ("closed", LATER, 2)
        event = Lab.event((await lab.rows("select event from outbox order by sequence desc limit 1"))[0]["event"])
        assert (event.data.previous_status, event.data.ticket.status) == ("open", "closed")
        assert (event.data.status_reason, event.data.sequence) == ("operator", 2)


async def test_a_refused_move_changes_nothing(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        which = await number_of(lab, "one")
        with pytest.raises(MoveError, match="already open"):
            await tending(lab).reopen(which)
        assert (await ticket(lab, which))["version"] == 1


async def test_of_two_who_close_at_once_one_is_told_that_it_is_closed(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        which = await number_of(lab, "one")
        results = await asyncio.gather(*(tending(lab).close(which) for _ in range(2)), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["MoveError", "NoneType"]


async def test_a_ticket_that_is_not_there_is_an_error(database: str) -> None:
    async with open_lab(database) as lab:
        with pytest.raises(NoSuchTicketError):
            await tending(lab).close("4829173056")


async def test_a_merged_ticket_goes_on_as_the_other_one(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", subject="Scanner", cc=["bob@b.example"]))
        one, two = await number_of(lab, "one"), await number_of(lab, "two")
        await tending(lab).merge(two, one)
        found = await ticket(lab, two)
        assert (found["status"], found["merged_at"]) == ("closed", LATER)
        assert await events_of(lab, one) == ["ticket.created", "ticket.merged"]
        assert await events_of(lab, two) == ["ticket.created", "ticket.merged"]
        assert await people(lab, one) == {"ana@a.example": "requester", "bob@b.example": "merged"}
        await lab.route(mail("three", answers="two", subject="Scanner"))
        assert await number_of(lab, "three") == one
        assert await number_of(lab, "two") == two
        said = await answers(lab).reply(two, Text(content="A"), by="rui")
        assert said.ticket == one
        row = (await lab.rows("select details from messages where id = %s", [said.message_id]))[0]
        assert row["details"]["thread"]["in_reply_to"][0]["digest"] == digest("three")


async def test_merging_twice_is_done_once(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", subject="Scanner"))
        one, two = await number_of(lab, "one"), await number_of(lab, "two")
        await tending(lab).merge(two, one)
        assert (await tending(lab).merge(two, one)).already
        assert await events_of(lab, one) == ["ticket.created", "ticket.merged"]


async def test_tickets_never_merge_in_a_ring(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", subject="Scanner"))
        one, two = await number_of(lab, "one"), await number_of(lab, "two")
        await tending(lab).merge(two, one)
        with pytest.raises(NotTendedError, match="itself"):
            await tending(lab).merge(one, two)
        with pytest.raises(NotTendedError, match="itself"):
            await tending(lab).merge(one, one)


async def test_two_who_merge_crosswise_make_no_ring(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", subject="Scanner"))
        one, two = await number_of(lab, "one"), await number_of(lab, "two")
        desk = tending(lab)
        results = await asyncio.gather(desk.merge(one, two), desk.merge(two, one), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["Merged", "NotTendedError"]


async def test_different_requesters_are_merged_only_on_an_explicit_word(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", "bob@b.example", subject="Scanner"))
        one, two = await number_of(lab, "one"), await number_of(lab, "two")
        with pytest.raises(NotTendedError, match="different requesters"):
            await tending(lab).merge(two, one)
        await tending(lab).merge(two, one, allow_different_requesters=True)
        assert await people(lab, one) == {"ana@a.example": "requester", "bob@b.example": "merged"}


async def test_tickets_of_different_scopes_are_never_merged(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", subject="Scanner", account="sales", scope="sales"))
        with pytest.raises(NotTendedError, match="scope"):
            await tending(lab).merge(
                await number_of(lab, "two"), await number_of(lab, "one"), allow_different_requesters=True
            )


async def test_reopening_a_merged_ticket_undoes_the_merge(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", "bob@b.example", subject="Scanner"))
        one, two = await number_of(lab, "one"), await number_of(lab, "two")
        await tending(lab).merge(two, one, allow_different_requesters=True)
        await tending(lab).reopen(two)
        found = await ticket(lab, two)
        assert (found["status"], found["merged_into_id"], found["merged_at"]) == ("open", None, None)
        assert await people(lab, one) == {"ana@a.example": "requester"}
        await lab.route(mail("three", "bob@b.example", answers="two", subject="Scanner"))
        assert await number_of(lab, "three") == two


async def test_spam_is_closed_and_nobody_is_answered(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        which = await number_of(lab, "one")
        await tending(lab).spam(which)
        assert (await ticket(lab, which))["status"] == "spam"
        with pytest.raises(Exception, match="spam"):
            await answers(lab).reply(which, Text(content="A"), by="rui")


async def test_the_customer_of_a_forwarded_ticket_is_named_and_answered(database: str) -> None:
    staffed = Policies(own_addresses=HOLDING.own_addresses, staff=Staff(addresses=frozenset({"rui@desk.example"})))
    async with open_lab(database) as lab:
        await lab.route(
            mail("one", "rui@desk.example", subject="Fwd: Printer", prefix="forward", verdict="pass"), policies=staffed
        )
        which = await number_of(lab, "one")
        with pytest.raises(NotSaidError, match="staff"):
            await answers(lab, staffed).reply(which, Text(content="A"), by="rui")
        desk = tending(lab, policies=staffed)
        with pytest.raises(NotTendedError):
            await desk.requester(which, Party(address="rui@desk.example"))
        await desk.requester(which, Party(address="ana@a.example", name="Ana"))
        assert await people(lab, which) == {"ana@a.example": "requester"}
        said = await answers(lab, staffed).reply(which, Text(content="A"), by="rui")
        assert said.recipients == ("ana@a.example",)
        event = Lab.event(
            (await lab.rows("select event from outbox order by position desc limit 1 offset 1"))[0]["event"]
        )
        assert (event.data.ticket.requester.address, event.data.status_reason) == (
            "ana@a.example",
            "the requester was named",
        )


async def test_reopening_undoes_a_merge_along_the_whole_chain(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("a", "ana@a.example"), mail("b", "bob@b.example"), mail("c", "cid@c.example"))
        a, b, c = [await number_of(lab, name) for name in "abc"]
        for one, into in ((a, b), (b, c)):
            await tending(lab).merge(one, into, allow_different_requesters=True)
        for one in (a, b):
            await tending(lab).reopen(one)
        assert [sorted(await people(lab, one)) for one in (a, b, c)] == [
            ["ana@a.example"],
            ["bob@b.example"],
            ["cid@c.example"],
        ]
