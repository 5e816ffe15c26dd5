"""Live chats: tickets from the first message, turned by an agent, the visitor or the time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from chats import chat
from routing_lab import START, Lab, open_lab

from router.policy import Policies
from router.tending import NotTendedError
from router.turning import Turning
from schemas.message import InboundMessage
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore

KEY = bytes(range(32))


def said(name: str, *, minutes: float = 0, **more: Any) -> InboundMessage:
    return chat(name, channel="webchat", account="site", minutes=minutes, live=True, **more)


def turned(sender: str = "ana", **more: Any) -> InboundMessage:
    return chat("t", sender, channel="webchat", account="site", kind="event", text="", turned=True, **more)


def turning(lab: Lab, *, minutes: float = 0) -> Turning:
    def clock() -> datetime:
        return START + timedelta(minutes=minutes)

    store = OutboundStore(pool=lab.pool, numbers=TicketNumbers(key=KEY))
    return Turning(store=store, policies=Policies(), source="/switchboard/lab", clock=clock)


async def live(lab: Lab) -> list[bool]:
    return [row["live"] for row in await lab.rows("select live from tickets order by id")]


async def answer(lab: Lab, *, minutes: float) -> None:
    """Let an agent write on the ticket."""
    await lab.run(
        "insert into messages (id, ticket_id, state, direction, kind, channel, account, scope, delivery_key,"
        " sender_key, sender_address, received_at, normalizer_version, details, decision, author)"
        " select nextval('message_ids'), id, 'ticketed', 'out', 'message', channel, account, scope, sha256('x'), '',"
        " 'site', %s, 0, '{}', '{}', 'agent' from tickets",
        [START + timedelta(minutes=minutes)],
    )


async def test_the_first_message_of_a_chat_is_a_live_ticket(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(said("1"), said("2", minutes=1), chat("3", "bob"))
        assert await live(lab) == [True, False]
        assert await lab.threads() == {"1": ["1", "2"], "3": ["3"]}


async def test_its_visitor_turns_it_and_the_transcript_stays(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(said("1"), said("2", minutes=1), turned(minutes=2))
        assert await live(lab) == [False]
        assert await lab.threads() == {"1": ["1", "2"]}
        assert await lab.events() == ["ticket.created", "ticket.message_added", "ticket.status_changed"]
        await lab.route(said("3", minutes=3), turned(minutes=4, key="again"))
        assert await live(lab) == [False], "what was turned stays so, also when its visitor writes again"


@pytest.mark.parametrize("other", [turned("eve", room="ana"), turned(verdict="none")], ids=["eve", "unproven"])
async def test_nobody_else_turns_it(database: str, other: InboundMessage) -> None:
    async with open_lab(database) as lab:
        await lab.route(said("1"), other)
        assert await live(lab) == [True]


async def test_an_agent_turns_it_once(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(said("1"))
        number = (await lab.rows("select number from tickets"))[0]["number"]
        await turning(lab).turn(number)
        assert await live(lab) == [False]
        assert (await lab.events())[-1] == "ticket.status_changed"
        with pytest.raises(NotTendedError):
            await turning(lab).turn(number)


async def test_it_turns_by_itself_when_nobody_answers_in_time(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(said("1"), said("2", minutes=5))
        assert await turning(lab, minutes=9).round() == 0
        assert await turning(lab, minutes=10).round() == 1
        assert await live(lab) == [False]
        event = await lab.rows("select event from outbox order by sequence desc limit 1")
        assert "nobody answered the chat in time" in event[0]["event"]


async def test_an_answer_stops_the_time_until_the_visitor_writes_again(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(said("1"))
        await answer(lab, minutes=1)
        assert await turning(lab, minutes=10).round() == 0
        await lab.route(said("2", minutes=60))
        assert await turning(lab, minutes=69).round() == 0
        assert await turning(lab, minutes=70).round() == 1


async def test_the_time_counts_from_the_first_word_after_the_answer(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(said("1"))
        await answer(lab, minutes=1)
        await lab.route(said("2", minutes=9))
        assert await turning(lab, minutes=10).round() == 0
        assert await live(lab) == [True]
        assert await turning(lab, minutes=19).round() == 1


async def test_a_chat_that_comes_back_in_the_idle_window_is_live_again(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(said("1"))
        await lab.run("update tickets set status = 'closed', closed_at = %s, live = false, live_until = null", [START])
        await lab.route(said("2", minutes=60))
        assert await live(lab) == [True]
