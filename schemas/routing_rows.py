"""Rows that the router reads from and writes to the store, column by column, in the order of the statements.

Tuples, because a batch of 500 messages makes thousands of them; named, because nobody remembers positions.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

IdKey = tuple[str, bytes]
"""Scope and digest of a thread id."""


class LogPosition(NamedTuple):
    """Who reads which topic of which log."""

    consumer: str
    topic: str
    log_identity: str


class MovedOffset(NamedTuple):
    """Compare-and-set of one partition: `expected` None means that nothing is stored yet."""

    partition: int
    expected: int | None
    next_offset: int


class ThreadRow(NamedTuple):
    """A thread id under our lock; `taught` when an operator's move says more of it to one sender."""

    scope: str
    digest: bytes
    known_message_id: int | None
    reused: bool
    taught: bool = False


class KnownRow(NamedTuple):
    """What matching needs of a stored message."""

    id: int
    ticket_id: int | None
    state: str
    account: str
    sender_key: bytes
    fingerprint: bytes | None
    verdict: str = "none"
    direction: str = "in"
    author: str = "customer"
    visibility: str = "public"
    own_digest: bytes | None = None
    conversation: bytes | None = None
    part_of: int | None = None


class QuotedRow(NamedTuple):
    """Somebody quoted this id in a message that stands on a ticket; `taught` when an operator put it there."""

    scope: str
    digest: bytes
    address_key: bytes
    message_id: int
    ticket_id: int | None = None
    taught: bool = False
    visibility: str = "public"


class HeldIdRow(NamedTuple):
    """A held message and an id that it quotes."""

    scope: str
    digest: bytes
    message_id: int


class ReachedRow(NamedTuple):
    """A held message that may be released, and one id that it quotes or owns."""

    message_id: int
    scope: str
    digest: bytes
    quoted: bool


class HeldMessageRow(NamedTuple):
    """A held message as stored: the columns of `MessageRow` that its `InboundMessage` is made of."""

    id: int
    kind: str
    channel: str
    account: str
    scope: str
    delivery_key: bytes
    fingerprint: bytes | None
    sender_address: str
    sender_name: str
    subject: str
    body_text: str
    body_html: str | None
    automatic: str
    received_at: datetime
    sent_at: datetime | None
    normalizer_version: int
    raw_sha256: bytes
    raw_size: int
    details: dict[str, Any]
    partition: int | None
    offset: int | None
    revised: bool = False


class TicketRow(NamedTuple):
    """A ticket, locked (read) or to be made (written)."""

    id: int
    number: str
    scope: str
    account: str
    channel: str
    subject: str
    subject_base: str
    match_key: bytes
    requester_key: bytes
    requester_address: str
    requester_name: str
    status: str
    version: int
    message_count: int
    continues_id: int | None
    created_at: datetime
    last_message_at: datetime
    closed_at: datetime | None
    merged_into_id: int | None = None
    live: bool = False
    live_until: datetime | None = None
    conversation: bytes | None = None


class TicketChange(NamedTuple):
    """What routing changes of an existing ticket."""

    id: int
    status: str
    version: int
    message_count: int
    last_message_at: datetime
    closed_at: datetime | None
    live: bool = False
    live_until: datetime | None = None


class ParticipantRow(NamedTuple):
    """Somebody who takes part in a ticket."""

    ticket_id: int
    address_key: bytes
    address: str
    role: str


class MessageRow(NamedTuple):
    """A message to be stored. One of ours has no raw before it is sent for the first time."""

    id: int
    ticket_id: int | None
    state: str
    kind: str
    channel: str
    account: str
    scope: str
    delivery_key: bytes
    fingerprint: bytes | None
    own_digest: bytes | None
    sender_key: bytes
    sender_address: str
    sender_name: str
    subject: str
    body_text: str
    body_html: str | None
    automatic: str
    verdict: str
    received_at: datetime
    sent_at: datetime | None
    normalizer_version: int
    raw_sha256: bytes | None
    raw_size: int | None
    details: str
    decision: str
    partition: int | None
    offset: int | None
    direction: str = "in"
    author: str = "customer"
    visibility: str = "public"
    conversation: bytes | None = None
    part_of: int | None = None


class PlacedRow(NamedTuple):
    """A stored message that leaves the spool; `ticket_id` None means discarded."""

    id: int
    ticket_id: int | None
    state: str
    decision: str
    author: str = "customer"
    visibility: str = "public"


class SpoolRow(NamedTuple):
    """A message that waits for an operator."""

    message_id: int
    reason: str
    explanation: str
    suggestions: str
    held_at: datetime


class NewcomerRow(NamedTuple):
    """Somebody who takes part in one more ticket of a scope from `at` on."""

    scope: str
    address_key: bytes
    at: datetime


class DuplicateRow(NamedTuple):
    """A record that was a message we already have."""

    id: int
    delivery_key: bytes
    original_message_id: int | None
    kind: str
    account: str
    raw_sha256: bytes
    raw_size: int
    received_at: datetime
    partition: int | None
    offset: int | None


class DeadLetterRow(NamedTuple):
    """A record that the router itself failed on."""

    topic: str
    partition: int
    offset: int
    log_identity: str
    key: bytes
    value: bytes
    headers: str
    account: str
    reason: str
    sqlstate: str
    died_at: datetime
    blobs: list[bytes]


class BlobRefRow(NamedTuple):
    """A row names a blob."""

    sha256: bytes
    owner_kind: str
    owner_id: int


class OutboxRow(NamedTuple):
    """An event to be published."""

    id: UUID
    ticket_id: int
    shard: int
    sequence: int
    type: str
    event: str
