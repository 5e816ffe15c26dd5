"""A message of ours as rows: what it says, the id by which answers find it, and the order to send it. Pure.

Agents' answers by mail (router) and by command (`router/outbound.py`) and notices come about here, so that all of them
carry a signed id and are found by it. Nothing is rendered: the sender makes the bytes from the stored row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from router.conversations_out import Conversation
from router.tokens import Signer
from router.view import Ticket
from schemas.message import BlobRef, File, Kind, Party, Text, ThreadId
from schemas.numbers import subject_tag
from schemas.placement import Author, Decision, Outcome, Rule, SendKind, Visibility, address_key
from schemas.routing_rows import BlobRefRow, MessageRow, ThreadRow
from schemas.sending_rows import SendRow
from schemas.tokens import message_id_with

QUEUED: Final = "queued"
OUT: Final = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What somebody of ours says on a ticket. Nobody to send it to means that it only stands there: a note.

    `sender` is the account's address with the author's name; its domain becomes that of the Message-ID. `subject` is
    the ticket's unless a notice has its own. `rule` and `why` say how it came about. `conversation` is where it goes
    on a channel that has some; `to` is then its chat.
    """

    ticket: Ticket
    text: Text
    author: Author
    sender: Party
    kind: SendKind
    to: Sequence[Party] = ()
    cc: Sequence[Party] = ()
    files: Sequence[File] = ()
    visibility: Visibility = Visibility.PUBLIC
    subject: str = ""
    in_reply_to: Sequence[ThreadId] = ()
    references: Sequence[ThreadId] = ()
    rule: Rule = Rule.OPERATOR
    why: str = ""
    conversation: Conversation | None = None

    @property
    def way(self) -> tuple[str, str]:
        """Give the channel and the account by which it goes."""
        found = self.conversation or self.ticket
        return found.channel, found.account


class Outgoing(NamedTuple):
    """The rows of one message of ours; `send` is None when it goes to nobody."""

    message: MessageRow
    thread: ThreadRow
    send: SendRow | None
    blobs: list[BlobRefRow]


def outgoing(letter: Letter, *, message_id: int, signer: Signer, now: datetime) -> Outgoing:
    """Make the rows. The ticket's counts and its event are the caller's. Raises `NoKeyError`."""
    ticket = letter.ticket
    token = signer.issue(ticket_id=ticket.id, message_id=message_id, opened_at=ticket.created_at)
    own = _thread_id(message_id_with(token, letter.sender.address.rpartition("@")[2].lower()))
    message = _message(letter, message_id=message_id, own=own, now=now)
    recipients = [*letter.to, *letter.cc]
    channel, account = letter.way
    send = SendRow(
        message_id=message_id,
        ticket_id=ticket.id,
        account=account,
        channel=channel,
        kind=letter.kind,
        recipients=_recipients(recipients),
        due_at=now,
        created_at=now,
        chat=letter.conversation.chat if letter.conversation else "",
    )
    return Outgoing(
        message=message,
        thread=ThreadRow(ticket.scope, bytes.fromhex(own.digest), message_id, reused=False),
        send=send if recipients else None,
        blobs=[BlobRefRow(digest, "message", message_id) for digest in _blobs(letter)],
    )


def out_key(message_id: int) -> bytes:
    """Give what stands as the delivery key of a message of ours: nothing delivered it to us."""
    return sha256(b"out\0%d" % message_id).digest()


def reply_subject(ticket: Ticket) -> str:
    """Give the subject of our messages on a ticket, with its tag."""
    return f"Re: {subject_tag(ticket.number)} {ticket.subject}".strip()


def _message(letter: Letter, *, message_id: int, own: ThreadId, now: datetime) -> MessageRow:
    ticket, (channel, account) = letter.ticket, letter.way
    return MessageRow(
        id=message_id,
        ticket_id=ticket.id,
        state="ticketed",
        kind=Kind.MESSAGE,
        channel=channel,
        account=account,
        scope=ticket.scope,
        delivery_key=out_key(message_id),
        fingerprint=None,
        own_digest=bytes.fromhex(own.digest),
        sender_key=address_key(channel, account, letter.sender.address),
        sender_address=letter.sender.address,
        sender_name=letter.sender.name,
        subject=letter.subject or ("" if letter.conversation else reply_subject(ticket)),
        body_text=letter.text.content,
        body_html=None,
        automatic="no",
        verdict="none",
        received_at=now,
        sent_at=None,
        normalizer_version=0,
        raw_sha256=None,
        raw_size=None,
        details=_details(letter, own),
        decision=_decision(letter),
        partition=None,
        offset=None,
        direction=OUT,
        author=letter.author,
        visibility=letter.visibility,
        conversation=bytes.fromhex(letter.conversation.thread_id.digest) if letter.conversation else None,
    )


def _details(letter: Letter, own: ThreadId) -> str:
    """Give what has no column of its own, in the shape of an `InboundMessage` without its defaults."""
    found: dict[str, Any] = {
        "thread": {"own": own, "in_reply_to": list(letter.in_reply_to), "references": list(letter.references)}
    }
    found |= {name: list(value) for name, value in (("to", letter.to), ("cc", letter.cc)) if value}
    if letter.files:
        found["files"] = [file.model_dump(mode="json", exclude_defaults=True) for file in letter.files]
    if letter.text.overflow is not None:
        found["text"] = {"overflow": letter.text.overflow}
    if letter.conversation is not None:
        found["thread"] |= {"conversation": letter.conversation.thread_id}
        found["details"] = letter.conversation.details()
    return to_json(found).decode()


def _decision(letter: Letter) -> str:
    decision = Decision(
        rule=letter.rule, outcome=Outcome.JOINED, ticket=letter.ticket.number, explanation=letter.why or "We wrote it."
    )
    return decision.model_dump_json(exclude_defaults=True)


def _recipients(parties: Sequence[Party]) -> str:
    addresses = dict.fromkeys(party.address.strip() for party in parties)
    rows = [{"address": a, "state": QUEUED, "code": "", "reason": "", "at": None} for a in addresses]
    return to_json(rows).decode()


def _blobs(letter: Letter) -> set[bytes]:
    named: list[BlobRef | None] = [letter.text.overflow, *(file.blob for file in letter.files)]
    return {bytes.fromhex(blob.sha256) for blob in named if blob is not None}


def _thread_id(written: str) -> ThreadId:
    return ThreadId(digest=sha256(written.encode()).hexdigest(), shown=written)
