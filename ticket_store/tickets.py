"""Tickets for people's screens: the listing, and one ticket with everything on it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.numbers import parse, shown
from ticket_store.listing import ShownFile, checked_limit, fetch_all, fetch_rows, shown_files
from ticket_store.statements import statement
from ticket_store.ticket_conversations import (
    Conversation,
    EarlierText,
    IdentityLink,
    conversations_on,
    earlier_texts,
    links_on,
)


class TicketNotFoundError(LookupError):
    """There is no ticket with this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLine:
    """One ticket of a listing. `live`: a chat in which somebody waits now."""

    number: str
    subject: str
    status: str
    channel: str
    account: str
    requester: str
    requester_name: str
    message_count: int
    live: bool
    created_at: datetime
    last_message_at: datetime
    cursor: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A delivery that was a message we already had: `duplicate`, `copy` or `also_received`."""

    kind: str
    account: str
    received_at: datetime
    raw_sha256: str
    raw_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """How far a message of ours has come to one recipient: `queued`, `sent`, `delayed`, `delivered`, ..."""

    address: str
    state: str
    code: str
    reason: str
    at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How far a piece of a message of ours has come: `waiting`, `trying`, `sent`, `unsure`, `failed`."""

    number: int
    state: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How far a message of ours has come. `due_at` is when it is tried next, while it is queued."""

    state: str
    problem: str
    attempts: int
    due_at: datetime | None
    recipients: tuple[Recipient, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketMessage:
    """A message on a ticket. `decision` says by which rule, with what evidence, and which candidates were rejected.

    `ticket` is the one on which it stands: this one, or one merged into it. `sending` is None for what others wrote,
    and for what goes to nobody; `raw_size` is None until a message of ours is sent for the first time.
    """

    id: int
    ticket: str
    author: str
    visibility: str
    direction: str
    kind: str
    account: str
    sender: str
    sender_name: str
    received_at: datetime
    sent_at: datetime | None
    subject: str
    text: str
    text_sha256: str
    """Names the blob with the whole text when it was longer than 128 KiB, else empty."""
    files: tuple[ShownFile, ...]
    automatic: str
    verdict: str
    decision: Mapping[str, Any]
    raw_sha256: str
    raw_size: int | None
    repeats: tuple[Repeat, ...]
    earlier: tuple[EarlierText, ...]
    sending: Sending | None
    form: Mapping[str, str]
    """What the link of a form says: link, label, organisation, installation. Its person cannot change it."""
    contact: Mapping[str, str]
    """What somebody says of themselves, or of others, as a contact: name, email, phone ... It proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Somebody who takes part: requester, recipient, added by an agent, of a merged ticket, or internal."""

    address: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketDetail:
    """One ticket with all that stands on it; messages in the order in which they were received."""

    ticket: TicketLine
    scope: str
    version: int
    closed_at: datetime | None
    continues: str | None
    continued_by: Sequence[str]
    merged_into: str | None
    merged_at: datetime | None
    merged_from: Sequence[str]
    participants: tuple[Participant, ...]
    conversations: tuple[Conversation, ...]
    links: tuple[IdentityLink, ...]
    messages: tuple[TicketMessage, ...]


FORM: Final = ("link", "label", "organisation", "installation")
CONTACT: Final = ("name", "email", "phone", "organisation", "installation")
_SENDING = ("state", "problem", "attempts", "due_at", "recipients", "parts")


async def list_tickets(
    connection: AsyncConnection[TupleRow],
    *,
    status: str | None = None,
    account: str | None = None,
    requester: str | None = None,
    channel: str | None = None,
    accounts: Collection[str] | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[TicketLine]:
    """Give tickets, the one with the newest message first. `after` is the `cursor` of the last one seen.

    `accounts` are those that may be seen; None: all of them.

    A ticket that gets a message between two pages moves to the front and is not seen again; none is seen twice.
    """
    moment, ticket_id = _position(after)
    parameters = {
        "status": status,
        "account": account,
        "requester": requester and requester.strip().lower(),
        "channel": channel,
        "accounts": None if accounts is None else sorted(accounts),
        "after": moment,
        "after_id": ticket_id,
        "limit": checked_limit(limit),
    }
    return await fetch_all(connection, statement("tickets", "list_tickets"), parameters, TicketLine)


async def show_ticket(connection: AsyncConnection[TupleRow], number: str) -> TicketDetail:
    """Give one ticket. Raises `TicketNotFoundError`, and `ValueError` for what is no ticket number."""
    async with connection.transaction():
        head = await ticket_head(connection, number)
        messages = await ticket_messages(connection, number)
    return replace(head, messages=tuple(messages))


async def ticket_head(connection: AsyncConnection[TupleRow], number: str) -> TicketDetail:
    """Give one ticket without its messages. Raises as `show_ticket` does."""
    bare = parse(number)
    which = {"number": bare}
    lines = await fetch_all(connection, statement("tickets", "ticket_line"), which, TicketLine)
    if not lines:
        raise TicketNotFoundError(f"there is no ticket {shown(bare)}: `switchboard tickets list` shows which there are")
    facts = await fetch_rows(connection, statement("tickets", "ticket_facts"), which)
    people = await fetch_all(connection, statement("tickets", "participants"), which, Participant)
    return TicketDetail(
        ticket=lines[0],
        **facts[0],
        participants=tuple(people),
        conversations=await conversations_on(connection, bare),
        links=await links_on(connection, bare),
        messages=(),
    )


async def ticket_messages(
    connection: AsyncConnection[TupleRow],
    number: str,
    *,
    accounts: Collection[str] | None = None,
    message_id: int | None = None,
    after: tuple[datetime, int] | None = None,
    limit: int | None = None,
) -> list[TicketMessage]:
    """Give messages on a ticket and those merged into it, in the order in which they were received.

    `accounts`: of merged tickets only messages of these. `after`: when the last one seen was received, and its id.
    """
    moment, last = after or (None, None)
    which = {
        "number": parse(number),
        "accounts": None if accounts is None else sorted(accounts),
        "message_id": message_id,
        "after": moment,
        "after_id": last,
        "limit": limit,
    }
    rows = await fetch_rows(connection, statement("tickets", "messages"), which)
    ids = {"message_ids": [row["id"] for row in rows]}
    repeats = await fetch_rows(connection, statement("tickets", "repeats"), ids)
    earlier = await earlier_texts(connection, ids["message_ids"])
    parts = await _parts(connection, ids["message_ids"])
    for row in rows:
        row["send_parts"] = parts.get(row["id"], ())
    return [_message(row, repeats, earlier.get(row["id"], ())) for row in rows]


async def _parts(connection: AsyncConnection[TupleRow], message_ids: Sequence[int]) -> dict[int, tuple[Part, ...]]:
    found: dict[int, tuple[Part, ...]] = {}
    for row in await fetch_rows(connection, statement("parts", "parts_of"), {"message_ids": message_ids}):
        part = Part(number=row["part"] + 1, state=row["state"], problem=row["problem"])
        found[row["message_id"]] = (*found.get(row["message_id"], ()), part)
    return found


def _message(row: dict[str, Any], repeats: Iterable[dict[str, Any]], earlier: tuple[EarlierText, ...]) -> TicketMessage:
    details = row.pop("details")
    overflow = details.get("text", {}).get("overflow") or {}
    mine = tuple(
        Repeat(**{name: value for name, value in repeat.items() if name != "message_id"})
        for repeat in repeats
        if repeat["message_id"] == row["id"]
    )
    sending = _sending({name: row.pop(f"send_{name}") for name in _SENDING})
    return TicketMessage(
        **row,
        files=shown_files(details),
        text_sha256=overflow.get("sha256", ""),
        repeats=mine,
        earlier=earlier,
        sending=sending,
        form=_texts(details, "form", FORM),
        contact=_texts(details, "contact", CONTACT),
    )


def _texts(details: Mapping[str, Any], name: str, keys: Sequence[str]) -> dict[str, str]:
    found = details.get("details", {}).get(name) or {}
    return {key: found[key] for key in keys if isinstance(found.get(key), str)}


def _sending(row: dict[str, Any]) -> Sending | None:
    if row["state"] is None:
        return None
    recipients = tuple(Recipient(**recipient) for recipient in row["recipients"])
    due_at = row["due_at"] if row["state"] == "queued" else None
    return Sending(**{**row, "recipients": recipients, "due_at": due_at})


def _position(cursor: str | None) -> tuple[datetime | None, int | None]:
    if cursor is None:
        return None, None
    moment, _, ticket_id = cursor.partition("~")
    try:
        return datetime.fromisoformat(moment), int(ticket_id)
    except ValueError:
        raise ValueError("this is no place in a ticket listing: take `cursor` of the last ticket you saw") from None
