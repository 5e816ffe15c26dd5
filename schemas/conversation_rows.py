"""Rows about conversations: chats at a platform, read and written under their locks."""

from datetime import datetime
from typing import NamedTuple


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
