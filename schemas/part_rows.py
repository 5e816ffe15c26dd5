"""Rows about the pieces in which a message of ours goes to a conversation."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple


class PartRow(NamedTuple):
    """What became of a piece: waiting, trying (a call that nobody saw the end of), sent, unsure or failed.

    `problem` of one that was sent names its files that the platform refused. `tried_at` of one that is trying is when
    the first call was made that nobody saw the end of.
    """

    part: int
    state: str
    platform_id: str
    problem: str
    tried_at: datetime | None


class MarkedPart(NamedTuple):
    """What a call came to. `known` is the digest of the piece's thread id, once the platform has named it.

    `also` are those of its other messages, where one piece became several.
    """

    message_id: int
    part: int
    state: str
    now: datetime
    platform_id: str = ""
    problem: str = ""
    known: bytes | None = None
    also: Sequence[bytes] = ()


class Turn(NamedTuple):
    """When it is our turn to send; `taken` False: not soon, and nothing was taken."""

    at: datetime
    taken: bool
