"""What speaks for a ticket in a held message, asked of the store and given back: rows of `suggestions.sql`."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class ClueKind(StrEnum):
    """What a clue is; its key is looked up in an index of its own."""

    TOKEN = "token"  # noqa: S105 - a clue's name, not a password
    ID = "id"
    NUMBER = "number"
    OLD_NUMBER = "old_number"
    SENDER = "sender"
    NAMED = "named"
    SUBJECT = "subject"


class Clue(NamedTuple):
    """One thing that a held message says. `place` 0 is the nearest or first of its kind.

    `key` is the digest of an id, the key of an address, or the md5 of a subject; `text` a number, or an old desk's name
    with `key` its number; `number` the id of a message of ours.
    """

    held_id: int
    kind: ClueKind
    place: int
    scope: str
    key: bytes = b""
    text: str = ""
    number: int = 0


class ProposedRow(NamedTuple):
    """A ticket that a clue leads to; `kind` says how, `place` is the clue's."""

    held_id: int
    kind: str
    place: int
    number: str
    status: str
    requester_key: bytes
    requester_address: str
    subject_base: str
    is_open: bool
    created_at: datetime
    last_message_at: datetime
