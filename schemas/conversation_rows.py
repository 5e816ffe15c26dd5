"""Rows about conversations: chats at a platform, read and written under their locks."""

from datetime import datetime
from typing import NamedTuple

from schemas.routing_rows import HeldMessageRow


class ConversationKey(NamedTuple):
    """A conversation to lock: by digest of its id, with what its row says when it is new."""

    digest: bytes
    scope: str
    channel: str
    account: str


class TalkRow(NamedTuple):
    """A locked conversation. `ticket_id` is where its next message goes, `person_key` whose chat it is.

    `wrong_proofs` counts false proofs since `wrong_since`.
    """

    digest: bytes
    person_key: bytes | None = None
    is_group: bool = False
    ticket_id: int | None = None
    wrong_proofs: int = 0
    wrong_since: datetime | None = None


class AmendableRow(NamedTuple):
    """A stored message that an edit or an album's later part changes, locked behind its ticket."""

    id: int
    ticket_id: int | None
    state: str
    author: str
    visibility: str
    rule: str
    message: HeldMessageRow


class AmendedRow(NamedTuple):
    """What a message says now that it was changed, or joined by a later part of its album."""

    id: int
    body_text: str
    body_html: str | None
    details: str


class EarlierRow(NamedTuple):
    """What a message said before, or what an older edit, that came late, said for a while. `files` is JSON."""

    message_id: int
    said_until: datetime
    body_text: str
    body_html: str | None
    files: str


class ContactRow(NamedTuple):
    """Whether a conversation may be written to. `address` is the chat's id at its platform."""

    account: str
    address_key: bytes
    channel: str
    address: str
    state: str
    since: datetime


class EarlyRow(NamedTuple):
    """A receipt about something that we may have sent, whose id the platform has not told us yet."""

    scope: str
    digest: bytes
    state: str
    reason: str
    said_at: datetime
    kept_at: datetime
