"""Rows of messages that are parsed again."""

from datetime import datetime
from typing import NamedTuple


class RevisableRow(NamedTuple):
    """Where a stored message stands, and which normalizer read it. `rule` placed it."""

    id: int
    ticket_id: int | None
    state: str
    author: str
    visibility: str
    rule: str
    normalizer_version: int


class RevisedRow(NamedTuple):
    """What a newer reading puts in the place of an older one."""

    id: int
    kind: str
    sender_key: bytes
    sender_address: str
    sender_name: str
    subject: str
    body_text: str
    body_html: str | None
    automatic: str
    sent_at: datetime | None
    normalizer_version: int
    details: str
    revised_at: datetime


class HoldRow(NamedTuple):
    """Why a message is held now, after it was parsed again, and the ids of its scope that it waits for."""

    message_id: int
    reason: str
    explanation: str
    suggestions: str
    decision: str
    scope: str
    digests: list[bytes]
