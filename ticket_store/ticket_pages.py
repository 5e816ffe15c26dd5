"""Tickets for readers of the API: pages that nothing disturbs, and whose account each number is."""

from collections.abc import Collection, Mapping
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ticket_store.listing import checked_limit, fetch_all, fetch_rows
from ticket_store.statements import statement
from ticket_store.tickets import TicketLine, TicketMessage, TicketNotFoundError, ticket_messages


async def tickets_by_age(
    connection: AsyncConnection[TupleRow],
    *,
    filters: Mapping[str, str | None],
    accounts: Collection[str] | None,
    after: str | None,
    limit: int,
) -> list[TicketLine]:
    """Give tickets, the oldest first: each that was there when the listing began is seen exactly once."""
    parameters: dict[str, object] = {"status": None, "account": None, "channel": None, "requester": None, **filters}
    parameters |= {
        "accounts": None if accounts is None else sorted(accounts),
        "after_id": place(after),
        "limit": checked_limit(limit),
    }
    return await fetch_all(connection, statement("tickets", "tickets_by_age"), parameters, TicketLine)


async def accounts_of(connection: AsyncConnection[TupleRow], numbers: Collection[str]) -> dict[str, list[str]]:
    """Give the accounts of tickets and of those on which they go on, their own first, by the number asked for."""
    rows = await fetch_rows(connection, statement("tickets", "accounts_of"), {"numbers": sorted(numbers)})
    found: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: int(row["step"])):
        found.setdefault(row["named"], []).append(row["account"])
    return found


async def message_place(connection: AsyncConnection[TupleRow], message_id: int) -> tuple[str, str]:
    """Give number and account of the ticket on which a message stands. Raises `TicketNotFoundError`."""
    rows = await fetch_rows(connection, statement("tickets", "message_place"), {"message_id": message_id})
    if not rows:
        raise TicketNotFoundError(f"message {message_id} stands on no ticket")
    return str(rows[0]["number"]), str(rows[0]["account"])


async def one_message(connection: AsyncConnection[TupleRow], message_id: int) -> tuple[TicketMessage, str]:
    """Give a message and the account of its ticket. Raises `TicketNotFoundError`."""
    number, account = await message_place(connection, message_id)
    found = await ticket_messages(connection, number, message_id=message_id)
    if not found:
        raise TicketNotFoundError(f"message {message_id} stands on no ticket")
    return found[0], account


def message_cursor(received_at: datetime, message_id: int) -> str:
    """Give the place of a message in the listing of its ticket."""
    return f"{received_at.isoformat()}~{message_id}"


def message_after(cursor: str | None) -> tuple[datetime, int] | None:
    """Read it. Raises `ValueError`."""
    if cursor is None:
        return None
    moment, _, number = cursor.partition("~")
    return datetime.fromisoformat(moment), place(number)


def place(text: str | None) -> int:
    """Read an id that a listing goes on after; 0 is the beginning. Raises `ValueError`."""
    found = int(text) if text is not None else 0
    if not 0 <= found < 2**63:
        raise ValueError("this is no place in a listing")
    return found
