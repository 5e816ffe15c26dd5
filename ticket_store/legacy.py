"""Tickets of help desks that were used before: what is known of each, and where it goes on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.legacy import BoundRow, OldKey, old_number, old_ticket_key
from schemas.numbers import shown
from schemas.routing_rows import IdKey
from ticket_store.listing import checked_limit, fetch_all
from ticket_store.statements import statement
from ticket_store.tickets import TicketNotFoundError

BOUND_COLUMNS: Final = ("desks", "numbers", "choices", "ticket_ids", "chosen_bys", "chosen_ats")


class OldTicketNotFoundError(LookupError):
    """No old ticket of this desk has this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldTicketLine:
    """One old ticket of a listing. `choice` is where it goes on: ticket, forward, or empty; `ticket` our number."""

    desk: str
    number: str
    subject: str
    requester: str
    status: str
    opened_at: datetime | None
    imported_at: datetime | None
    choice: str
    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OldTicket:
    """One old ticket. `history` are its last messages (at, from, text); `imported_at` None: only seen in mail."""

    desk: str
    number: str
    subject: str
    requester: str
    requester_name: str
    status: str
    opened_at: datetime | None
    imported_at: datetime | None
    choice: str
    ticket: str
    chosen_by: str
    chosen_at: datetime | None
    history: Sequence[Mapping[str, Any]]
    message_ids: int


async def list_old_tickets(
    connection: AsyncConnection[TupleRow],
    *,
    desk: str | None = None,
    requester: str | None = None,
    after: OldKey | None = None,
    limit: int = 50,
) -> list[OldTicketLine]:
    """Give old tickets by desk and number. `after` is the last one seen."""
    parameters = {
        "desk": desk,
        "requester": requester and requester.strip().lower(),
        "after_desk": after[0] if after else None,
        "after_number": after[1] if after else None,
        "limit": checked_limit(limit),
    }
    return await fetch_all(connection, statement("legacy", "list_tickets"), parameters, OldTicketLine)


async def show_old_ticket(connection: AsyncConnection[TupleRow], desk: str, number: str) -> OldTicket:
    """Give one old ticket. Raises `OldTicketNotFoundError`."""
    found = await read_old_tickets(connection, [(desk, old_number(number))])
    if not found:
        raise OldTicketNotFoundError(f"nothing is known of ticket {number} of the desk {desk}")
    return found[0]


async def read_old_tickets(connection: AsyncConnection[TupleRow], keys: Collection[OldKey]) -> list[OldTicket]:
    """Give those of these old tickets of which something is known."""
    if not keys:
        return []
    which = {"desks": [key[0] for key in keys], "numbers": [key[1] for key in keys]}
    return await fetch_all(connection, statement("legacy", "show_tickets"), which, OldTicket)


async def of_requester(
    connection: AsyncConnection[TupleRow], requester_key: bytes, desks: Collection[str]
) -> list[OldTicket]:
    """Give the latest old tickets of somebody at these desks: five at most."""
    which = {"requester_key": requester_key, "desks": sorted(desks)}
    cursor = await connection.execute(statement("legacy", "of_requester"), which)
    return await read_old_tickets(connection, [(row[0], row[1]) for row in await cursor.fetchall()])


async def continued_by(connection: AsyncConnection[TupleRow], number: str) -> list[OldTicket]:
    """Give the old tickets that go on in this ticket of ours."""
    cursor = await connection.execute(statement("legacy", "continued_by"), {"number": number})
    return await read_old_tickets(connection, [(row[0], row[1]) for row in await cursor.fetchall()])


async def choose_ticket(
    connection: AsyncConnection[TupleRow],
    old: OldKey,
    ticket_number: str,
    *,
    by: str,
    now: datetime,
    scopes: Collection[str],
) -> int:
    """Let an old ticket go on in one of ours; give how many held messages are looked at again.

    Raises `TicketNotFoundError`.
    """
    async with connection.transaction():
        woken = await _claim(connection, _awaited(old, scopes), now)
        cursor = await connection.execute(statement("legacy", "lock_ticket"), {"number": ticket_number})
        row = await cursor.fetchone()
        if row is None:
            raise TicketNotFoundError(f"there is no ticket {shown(ticket_number)}")
        await bind_legacy(connection, [BoundRow(*old, "ticket", row[0], by, now)])
    return woken


async def choose_forwarding(
    connection: AsyncConnection[TupleRow], old: OldKey, *, by: str, now: datetime, scopes: Collection[str]
) -> int:
    """Let mail of an old ticket be sent on to the old desk; give how many held messages are looked at again."""
    async with connection.transaction():
        woken = await _claim(connection, _awaited(old, scopes), now)
        await bind_legacy(connection, [BoundRow(*old, "forward", None, by, now)])
    return woken


async def forget_choice(
    connection: AsyncConnection[TupleRow], old: OldKey, *, by: str, now: datetime, scopes: Collection[str]
) -> None:
    """Let nobody have said where an old ticket goes on. Raises `OldTicketNotFoundError`."""
    parameters = {"desk": old[0], "number": old[1], "by": by, "now": now}
    async with connection.transaction():
        await _lock_ids(connection, _awaited(old, scopes))
        cursor = await connection.execute(statement("legacy", "unbind"), parameters)
        if await cursor.fetchone() is None:
            raise OldTicketNotFoundError(f"nothing is known of ticket {old[1]} of the desk {old[0]}")


async def bind_legacy(connection: AsyncConnection[TupleRow], rows: Sequence[BoundRow]) -> None:
    """Write choices in the caller's transaction, whose tickets are locked, and let held messages be looked at again."""
    if not rows:
        return
    await _wake(connection, [key for row in rows for key in row.awaited], max(row.chosen_at for row in rows))
    columns = zip(*(row[: len(BOUND_COLUMNS)] for row in rows), strict=True)
    await connection.execute(statement("legacy", "bind"), dict(zip(BOUND_COLUMNS, map(list, columns), strict=True)))


def _awaited(old: OldKey, scopes: Collection[str]) -> list[IdKey]:
    return sorted(old_ticket_key(scope, old) for scope in scopes)


async def _claim(connection: AsyncConnection[TupleRow], awaited: Sequence[IdKey], now: datetime) -> int:
    """Lock an old ticket's ids as the router does, before held messages and tickets, and wake what waits for it."""
    await _lock_ids(connection, awaited)
    return await _wake(connection, awaited, now)


async def _lock_ids(connection: AsyncConnection[TupleRow], awaited: Sequence[IdKey]) -> None:
    """Let a router that decides about an old ticket now end first, and what it chooses give way."""
    if awaited:
        keys = {"scopes": [key[0] for key in awaited], "digests": [key[1] for key in awaited]}
        await connection.execute(statement("routing", "insert_ids"), keys)
        await connection.execute(statement("routing", "lock_ids"), keys)


async def _wake(connection: AsyncConnection[TupleRow], awaited: Sequence[IdKey], now: datetime) -> int:
    """Wake what waits for these ids, which the caller has claimed; wait for nobody.

    A router holds tickets by now, and held messages come before them in the order of locks. Whoever decides about such
    a message has claimed its ids too, which is not at the same time; whoever else holds it wakes it or takes it away.
    """
    if not awaited:
        return 0
    keys = {"scopes": [key[0] for key in awaited], "digests": [key[1] for key in awaited], "now": now}
    return (await connection.execute(statement("legacy", "wake_held"), keys)).rowcount
