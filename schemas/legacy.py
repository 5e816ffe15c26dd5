"""Tickets of help desks that were used before: the form of their numbers, and the rows that router and store share."""

import re
import unicodedata
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

MAX_NUMBER: Final = 64
"""Characters of an old desk's number; what is longer is none."""

_BLANK: Final = re.compile(r"\s+")

OldKey = tuple[str, str]
"""Name of an old desk and the number of a ticket there. A number means nothing without its desk."""


def old_number(text: str) -> str:
    """Bring an old number to its one form: capitals, single spaces; empty for what is none."""
    number = _BLANK.sub(" ", unicodedata.normalize("NFKC", text)).strip().upper()
    fits = 0 < len(number) <= MAX_NUMBER and number.isprintable()
    return number if fits else ""


def old_ticket_key(scope: str, old: OldKey) -> tuple[str, bytes]:
    """Give the id that stands for an old ticket among thread ids: claimed before anybody decides about it."""
    desk, number = old
    return scope, sha256(f"legacy\0{desk}\0{number}".encode("utf-8", "surrogatepass")).digest()


class OldTicketRow(NamedTuple):
    """What routing needs of an old ticket. `choice` is where it goes on: ticket, forward, or None: nobody has said."""

    id: int
    desk: str
    number: str
    requester_key: bytes | None
    subject: str
    choice: str | None
    ticket_id: int | None
    chosen_by: str


class OldIdRow(NamedTuple):
    """A Message-ID that an old desk's export names, and the ticket there."""

    digest: bytes
    desk: str
    number: str


class BoundRow(NamedTuple):
    """Where an old ticket goes on from now; `ticket_id` None means that it is forwarded.

    `awaited` are scope and digest of ids under which held messages wait to hear it (`old_ticket_key`).
    """

    desk: str
    number: str
    choice: str
    ticket_id: int | None
    chosen_by: str
    chosen_at: datetime
    awaited: tuple[tuple[str, bytes], ...] = ()


class ImportedTicket(NamedTuple):
    """An old ticket as an export tells of it. `history` holds the last messages: at, from, text."""

    number: str
    requester_key: bytes | None
    requester_address: str
    requester_name: str
    subject: str
    status: str
    opened_at: datetime | None
    history: list[dict[str, Any]]
    digests: list[bytes]
