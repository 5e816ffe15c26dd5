"""Receipts, membership and echoes: what a platform tells about what we sent, and to whom we may write."""

import json
from typing import Any

import pytest
from chats import chat, in_group, thread_id
from routing_lab import START, Lab, open_lab

from schemas.message import InboundMessage
from schemas.part_rows import MarkedPart
from ticket_store.parts import PostgresParts


async def sent(lab: Lab, name: str, *, room: str = "ana", state: str = "sent", minutes: int = 1) -> int:
    """Put a message of ours on the conversation's ticket, with the platform's id `name`."""
    conversation = thread_id(f"telegram:bot:{room}")["digest"]
    own = thread_id(f"telegram:bot:{room}:{name}")["digest"]
    rows = await lab.rows("select nextval('message_ids') as id")
    message_id = int(rows[0]["id"])
    await lab.run(
        "insert into messages (id, ticket_id, state, direction, kind, channel, account, scope, delivery_key,"
        " sender_key, sender_address, received_at, normalizer_version, details, decision, author, conversation,"
        " body_text)"
        " select %s, ticket_id, 'ticketed', 'out', 'message', 'telegram', 'bot', 'support', sha256(%s), '', 'bot',"
        " %s::timestamptz + %s * interval '1 minute', 0, '{}', '{}', 'agent', digest, %s"
        " from conversations where digest = decode(%s, 'hex')",
        [message_id, name.encode(), START, minutes, f"answer {name}", conversation],
    )
    recipient = json.dumps([{"address": room, "state": state, "code": "", "reason": "", "at": None}])
    await lab.run(
        "insert into sends (message_id, ticket_id, account, channel, kind, recipients, due_at, created_at)"
        " select id, ticket_id, account, channel, 'reply', %s, received_at, received_at from messages where id = %s",
        [recipient, message_id],
    )
    await lab.run(
        "insert into thread_ids (scope, digest, known_message_id) values ('support', decode(%s, 'hex'), %s)",
        [own, message_id],
    )
    return message_id


def receipt(what: str, about: str, **more: Any) -> InboundMessage:
    return chat(f"{what} {about}", kind="receipt", answers=about, receipt=what, text="", **more)


def member(what: str, *, minutes: float = 0, **more: Any) -> InboundMessage:
    return chat(f"{what} {minutes}", kind="membership", membership=what, text="", minutes=minutes, **more)


async def states(lab: Lab) -> list[str]:
    rows = await lab.rows("select recipients from sends order by message_id")
    return [row["recipients"][0]["state"] for row in rows]


async def contacts(lab: Lab) -> dict[str, str]:
    return {row["address"]: row["state"] for row in await lab.rows("select address, state from contacts")}


async def test_receipts_move_a_message_forward_and_never_back(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await sent(lab, "10")
        await lab.route(receipt("delivered", "10"))
        assert await states(lab) == ["delivered"]
        await lab.route(receipt("seen", "10"), receipt("delivered", "10", key="again"))
        assert await states(lab) == ["seen"]
        assert await lab.events() == ["ticket.created", "ticket.delivery_changed", "ticket.delivery_changed"]


async def test_a_receipt_that_covers_all_before_marks_all_before_in_that_chat(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), in_group("1", "bob"))
        for name, minutes in (("10", 1), ("11", 2), ("12", 3)):
            await sent(lab, name, minutes=minutes)
        await sent(lab, "20", room="team", minutes=1)
        await lab.route(receipt("seen", "11", up_to=True))
        assert await states(lab) == ["seen", "seen", "sent", "sent"]


async def test_a_failure_says_why(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await sent(lab, "10")
        await lab.route(receipt("failed", "10", reason="no such user"))
        rows = await lab.rows("select recipients from sends")
        assert (rows[0]["recipients"][0]["state"], rows[0]["recipients"][0]["reason"]) == ("failed", "no such user")


@pytest.mark.parametrize(
    "other",
    [
        receipt("seen", "telegram:bot:ana:10", sender="eve"),
        receipt("seen", "10", verdict="none"),
        receipt("seen", "99"),
    ],
    ids=["another chat", "unproven", "unknown"],
)
async def test_a_receipt_from_elsewhere_changes_nothing(database: str, other: InboundMessage) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await sent(lab, "10")
        await lab.route(other)
        assert await states(lab) == ["sent"]


async def test_a_receipt_reopens_nothing(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await sent(lab, "10")
        await lab.run("update tickets set status = 'closed', closed_at = now()")
        await lab.route(receipt("seen", "10"))
        assert [row["status"] for row in await lab.rows("select status from tickets")] == ["closed"]


async def test_membership_is_kept_on_the_contact_and_the_newest_counts(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(member("blocked", minutes=2), member("unblocked", minutes=1))
        assert await contacts(lab) == {"ana": "blocked"}
        await lab.route(member("unblocked", minutes=1, key="again"))
        assert await contacts(lab) == {"ana": "blocked"}
        await lab.route(member("unblocked", minutes=3), member("left", room="team", group=True))
        assert await contacts(lab) == {"ana": "unblocked", "team": "left"}


async def test_whoever_writes_can_be_written_to_again(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(member("blocked", minutes=2))
        await lab.route(chat("1", minutes=1))
        assert await contacts(lab) == {"ana": "blocked"}, "that was written before"
        await lab.route(chat("2", minutes=3))
        assert await contacts(lab) == {"ana": "allowed"}


async def test_what_we_sent_and_comes_back_is_noted(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        ours = await sent(lab, "10")
        await lab.route(chat("10", "bot", room="ana", echo={"id": "10"}))
        assert await lab.threads() == {"1": ["1", "answer 10"]}
        known = await lab.rows(
            "select count(*) as n from thread_ids where known_message_id = %s and not reused", [ours]
        )
        assert known[0]["n"] == 1


async def part(lab: Lab, message_id: int, *, echo: str = "", state: str = "trying") -> None:
    """Let a part of a message of ours be on its way, its platform's answer not yet here."""
    await lab.run("delete from thread_ids where known_message_id = %s", [message_id])
    await lab.run("update sends set chat = 'ana', state = 'queued' where message_id = %s", [message_id])
    await lab.run(
        "insert into send_parts (message_id, part, state, echo) values (%s, 0, %s, %s)", [message_id, state, echo]
    )


@pytest.mark.parametrize(
    ("echo", "text", "is_ours"),
    [
        ({"random_id": 77}, "whatever", True),
        ({"random_id": 78}, "something else", False),
        ({"id": "10"}, "answer 10", True),
        ({"id": "10"}, "something else", False),
        ({"id": "10"}, "answer", False),
        ({"id": "10"}, "", False),
        ({"random_id": 78}, "answer 10", False),
        ({"random_id": 0, "id": "10"}, " answer  10\n", True),
    ],
    ids=[
        *("by its name", "another name", "by what is on its way", "another text", "a part of it", "a picture alone"),
        *("its words by another name", "its words, laid out anew"),
    ],
)
async def test_an_echo_that_overtakes_our_own_mark_is_still_ours(
    database: str, echo: dict[str, Any], text: str, *, is_ours: bool
) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        message_id = await sent(lab, "10")
        await part(lab, message_id, echo="77")
        await lab.route(chat("10", "bot", room="ana", text=text, echo=echo))
        expected = ["1", "answer 10"] if is_ours else ["1", text, "answer 10"]
        assert sorted((await lab.threads())["1"]) == sorted(expected)
        await lab.route(chat("11", answers="10", minutes=3))
        assert "11" in (await lab.threads())["1"]
        assert (await lab.decision("11"))["rule"] == "ids"


async def test_what_an_agent_wrote_in_the_app_is_an_agents_answer_and_is_not_sent(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await lab.run("update tickets set status = 'closed', closed_at = %s", [START])
        await lab.route(chat("10", "bot", room="ana", minutes=1, echo={"id": "10"}))
        rows = await lab.rows("select author, visibility, direction from messages where body_text = 'text of 10'")
        assert rows == [{"author": "agent", "visibility": "public", "direction": "in"}]
        assert await lab.rows("select 1 from sends") == []
        assert (await lab.rows("select status from tickets"))[0]["status"] == "closed"
        await lab.route(chat("11", answers="10", minutes=2))
        assert await lab.threads() == {"1": ["1", "10", "11"]}


async def test_an_echo_where_no_ticket_is_is_noted(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("10", "bot", room="ana", echo={"id": "10"}))
        assert await lab.threads() == {}
        assert (await lab.decision("10"))["rule"] == "echo"


async def test_an_echo_that_nothing_proves_is_held(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), chat("10", "bot", room="ana", echo={"id": "10"}, verdict="none"))
        assert await lab.held() == {"10": "suspicious"}


async def test_a_receipt_that_overtakes_the_platforms_answer_waits_for_it(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        message_id = await sent(lab, "10", state="queued")
        await part(lab, message_id)
        await lab.route(receipt("seen", "10"))
        await lab.route(receipt("delivered", "10", key="late"))
        assert await states(lab) == ["queued"]
        known = bytes.fromhex(thread_id("telegram:bot:ana:10")["digest"])
        marked = MarkedPart(message_id, 0, "sent", START, platform_id="10", known=known)
        await PostgresParts(pool=lab.pool).mark(marked)
        assert await states(lab) == ["seen"]
        assert await lab.rows("select 1 from early_receipts") == []
