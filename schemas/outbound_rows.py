"""Rows that answering a ticket and sending the answer read from the store."""

from datetime import datetime
from typing import Any, NamedTuple

from schemas.routing_rows import HeldMessageRow


class SpokenRow(NamedTuple):
    """A message on a ticket, as an answer to it needs it: whose, its ids, and who was named."""

    id: int
    direction: str
    author: str
    visibility: str
    sender_address: str
    sender_name: str
    automatic: str
    thread: dict[str, Any]
    to: list[dict[str, str]]
    cc: list[dict[str, str]]


class ConversationRow(NamedTuple):
    """Where the requester of a ticket wrote: the conversation, and their latest message there, as shown ids."""

    channel: str
    account: str
    conversation: str
    is_group: bool
    own: str
    moved_to: str | None


class SaidRow(NamedTuple):
    """A message of ours that was written before: where it stands, and to whom it goes."""

    id: int
    number: str
    recipients: list[dict[str, Any]]


class PlacedMessageRow(NamedTuple):
    """A message on a ticket, whole; `message` is what its `InboundMessage` is made of."""

    ticket_id: int
    ticket_number: str
    direction: str
    author: str
    visibility: str
    decision: dict[str, Any]
    message: HeldMessageRow


class PutBackRow(NamedTuple):
    """A message that leaves its ticket for the spool, and the digests of the ids that it quotes."""

    id: int
    scope: str
    sender_key: bytes
    digests: list[bytes]
    reason: str
    explanation: str
    suggestions: str
    decision: str
    held_at: datetime


class DueSend(NamedTuple):
    """A message that we owe somebody, taken by one worker; `claim` tells that it is still this worker's.

    `attempt` counts the tries from 1, and not those that were given back: it may be the same again, a claim never is.
    `lane` is the queue in which it stands: all mail, or one account of another channel.
    """

    message_id: int
    ticket_id: int | None
    account: str
    channel: str
    kind: str
    recipients: list[dict[str, Any]]
    attempt: int
    created_at: datetime
    direction: str
    sender_address: str
    sender_name: str
    subject: str
    text: str
    author: str
    visibility: str
    details: dict[str, Any]
    raw_sha256: str | None
    lane: str = ""
    claim: int = 0


class SendResult(NamedTuple):
    """What one attempt came to. `due_at` counts only while the state is queued."""

    message_id: int
    state: str
    recipients: str
    due_at: datetime
    sent_at: datetime | None
    problem: str


class Backlog(NamedTuple):
    """What waits to be sent in a lane; `oldest` is when the longest waiting one was written."""

    lane: str
    queued: int
    oldest: datetime
