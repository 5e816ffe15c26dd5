"""Replies and notes on a real store: what is written, who gets it, and who never does."""

import pytest
from routing_lab import HOLDING, KEY, START, Lab, digest, mail, open_lab

from router.desk import NoSuchTicketError
from router.outbound import Outbound
from router.recipients import NotSaidError
from schemas.message import Party, Text
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore

DESK = Party(address="support@desk.example", name="Desk")


def outbound(lab: Lab) -> Outbound:
    return Outbound(
        store=OutboundStore(pool=lab.pool, numbers=TicketNumbers(key=KEY)),
        policies=HOLDING,
        desks={"support": DESK},
        source="/switchboard/lab",
        clock=lambda: START,
    )


async def number(lab: Lab) -> str:
    rows = await lab.rows("select number from tickets order by id limit 1")
    return str(rows[0]["number"])


async def test_a_reply_is_queued_to_the_requester_and_answers_the_customers_mail(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one", cc=["bob@b.example"]))
        said = await outbound(lab).reply(await number(lab), Text(content="Try again"), by="rui")
        assert said.recipients == ("ana@a.example",)
        row = (await lab.rows("select details, direction, author from messages where id = %s", [said.message_id]))[0]
        assert (row["direction"], row["author"]) == ("out", "agent")
        assert [i["digest"] for i in row["details"]["thread"]["in_reply_to"]] == [digest("one")]
        ticket = (await lab.rows("select version, message_count from tickets"))[0]
        assert ticket == {"version": 2, "message_count": 2}
        assert await lab.events() == ["ticket.created", "ticket.message_added"]


async def test_the_same_request_twice_makes_one_reply(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        which = await number(lab)
        first = await outbound(lab).reply(which, Text(content="A"), by="rui", request_key="k")
        second = await outbound(lab).reply(which, Text(content="A"), by="rui", request_key="k")
        assert (second.message_id, second.recipients, second.repeated) == (first.message_id, first.recipients, True)
        assert len(await lab.rows("select 1 from sends")) == 1


async def test_everyone_are_the_participants_whom_the_customer_copied(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one", cc=["bob@b.example"]))
        said = await outbound(lab).reply(await number(lab), Text(content="A"), by="rui", everyone=True)
        assert said.recipients == ("ana@a.example", "bob@b.example")


async def test_an_internal_correspondent_never_gets_a_reply(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        which, desk = await number(lab), outbound(lab)
        note = await desk.note(which, Text(content="Can you help?"), by="rui", to=["lab@maker.example"])
        assert note.recipients == ("lab@maker.example",)
        with pytest.raises(NotSaidError, match="internally"):
            await desk.reply(which, Text(content="A"), by="rui", cc=["lab@maker.example"])
        with pytest.raises(NotSaidError, match="in public"):
            await desk.note(which, Text(content="A"), by="rui", to=["ana@a.example"])
        said = await desk.reply(which, Text(content="A"), by="rui", everyone=True)
        assert said.recipients == ("ana@a.example",)


@pytest.mark.parametrize("address", ["support@desk.example", "no address", "a@b.example\r\nBcc: x@y.example", "<a@b>"])
async def test_what_is_no_address_or_is_ours_is_refused(database: str, address: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        with pytest.raises(NotSaidError):
            await outbound(lab).reply(await number(lab), Text(content="A"), by="rui", cc=[address])
        assert not await lab.rows("select 1 from sends")


async def test_nobody_is_answered_on_a_ticket_that_is_not_there(database: str) -> None:
    async with open_lab(database) as lab:
        with pytest.raises(NoSuchTicketError):
            await outbound(lab).reply("4829173056", Text(content="A"), by="rui")


async def test_a_reply_names_no_internal_message_and_a_note_no_public_one(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        which, desk = await number(lab), outbound(lab)
        await desk.note(which, Text(content="secret"), by="rui", to=["lab@maker.example"])
        first = await desk.reply(which, Text(content="A"), by="rui")
        note = await desk.note(which, Text(content="again"), by="rui", to=["lab@maker.example"])
        second = await desk.reply(which, Text(content="B"), by="rui")
        rows = await lab.rows("select id, visibility, details from messages order by id")
        own = {row["id"]: row["details"]["thread"].get("own", {}).get("digest") for row in rows}
        public = {own[row["id"]] for row in rows if row["visibility"] == "public"}
        for message, others in ((first, public), (second, public), (note, set(own.values()) - public)):
            thread = next(row["details"]["thread"] for row in rows if row["id"] == message.message_id)
            named = {found["digest"] for found in (*thread["in_reply_to"], *thread["references"])}
            assert named
            assert named <= others


async def test_whom_a_reply_copies_has_held_mail_looked_at_again(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        await lab.route(mail("two", "bob@b.example", answers="one"))
        assert await lab.held() == {"two": "stranger"}
        await outbound(lab).reply(await number(lab), Text(content="A"), by="rui", cc=["bob@b.example"])
        assert await lab.rows("select 1 from spool where look_again_at is not null") != []
