"""Messages of ours as rows: found again by their id, and sent only when there is somebody to send them to."""

import json
from datetime import datetime, timedelta
from uuid import UUID

from pydantic_core import from_json
from routing_lab import START, Lab, digest, mail, open_lab

from router.announce import Announcer
from router.outgoing import Letter, Outgoing, outgoing
from router.tokens import Signer, SigningKey, Verified, opened_mark
from router.view import Ticket
from schemas.changes import Changes
from schemas.message import InboundMessage, Party, Text
from schemas.placement import Author, Decision, SendKind, Visibility
from schemas.tokens import token_in_message_id

SIGNER = Signer(instance_id=UUID(int=7), keys=[SigningKey(id=1, secret=bytes(32))])
LATER = START + timedelta(hours=1)
DESK = Party(address="support@Desk.example", name="Rui")
ANA = Party(address="ana@a.example", name="Ana")


def ticket(ticket_id: int = 1, opened: datetime = START) -> Ticket:
    return Ticket(
        id=ticket_id,
        number="4829173056",
        scope="support",
        account="support",
        channel="mail",
        subject="Printer",
        subject_base="printer",
        match=b"",
        requester=b"",
        requester_party=ANA,
        version=1,
        created_at=opened,
        last_message_at=opened,
    )


def reply(of: Ticket, *, to: tuple[Party, ...] = (ANA,)) -> Letter:
    return Letter(
        ticket=of, text=Text(content="Try again"), author=Author.AGENT, sender=DESK, kind=SendKind.REPLY, to=to
    )


def made(letter: Letter) -> Outgoing:
    return outgoing(letter, message_id=12, signer=SIGNER, now=LATER)


def test_a_message_of_ours_is_known_by_its_signed_id() -> None:
    rows = made(reply(ticket()))
    own = json.loads(rows.message.details)["thread"]["own"]
    assert SIGNER.verify(token_in_message_id(own["shown"])) == Verified(1, 12, opened_mark(START))
    assert own["shown"].endswith("@desk.example")
    assert rows.thread.digest.hex() == own["digest"] == digest(own["shown"])
    assert rows.thread.known_message_id == 12
    assert rows.message.own_digest == rows.thread.digest


def test_it_names_its_author_and_the_ticket_in_its_subject() -> None:
    row = made(reply(ticket())).message
    assert (row.direction, row.author, row.visibility) == ("out", "agent", "public")
    assert row.subject == "Re: [#482-917-3056] Printer"
    assert (row.raw_sha256, row.raw_size) == (None, None)
    assert Decision.model_validate_json(row.decision).ticket == "4829173056"


def test_every_recipient_is_queued_once() -> None:
    bob = Party(address="bob@b.example")
    send = made(reply(ticket(), to=(ANA, bob, ANA))).send
    assert send is not None
    assert [(r["address"], r["state"]) for r in json.loads(send.recipients)] == [
        ("ana@a.example", "queued"),
        ("bob@b.example", "queued"),
    ]


def test_a_note_goes_to_nobody() -> None:
    assert made(reply(ticket(), to=())).send is None


def test_its_event_says_who_may_see_it() -> None:
    letter = reply(ticket())
    event = Lab.event(Announcer(source="/x", now=LATER).said(letter.ticket, letter, made(letter).message).event)
    message = event.data.message
    assert message is not None
    assert (message.direction, message.author, message.visibility) == ("out", Author.AGENT, Visibility.PUBLIC)
    assert event.data.sequence == 2


async def test_the_store_takes_its_rows_and_finds_it_by_its_id(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        stored = (await lab.rows("select id, created_at from tickets"))[0]
        rows = outgoing(reply(ticket(stored["id"], stored["created_at"])), message_id=900, signer=SIGNER, now=LATER)
        assert rows.send is not None
        async with lab.store.transaction() as transaction:
            await transaction.write(Changes(messages=[rows.message], own_threads=[rows.thread], sends=[rows.send]))
        found = (
            await lab.rows("select direction, due_at, s.state from messages m join sends s on s.message_id = m.id")
        )[0]
        assert found == {"direction": "out", "due_at": LATER, "state": "queued"}
        known = await lab.rows("select known_message_id from thread_ids where digest = %s", [rows.thread.digest])
        assert known == [{"known_message_id": 900}]
        shape = InboundMessage.model_fields.keys()
        assert from_json(rows.message.details).keys() <= shape
