"""Tickets and their messages for the API: the same reading as the command line's."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from console.api.cursors import wrong
from console.api.idempotency import reused
from console.api.ports import Accounts, Row
from console.api.problems import NotThereError, ProblemError, RefusedError, UnavailableError
from daemon.adapters import STORE_ERRORS
from daemon.api_sight import numbers_in, shown_decision, sorted_out
from daemon.asking import CODES
from daemon.errors import NOT_FOUND
from router.expected import ChangedError
from router.outbound import OtherRequestError
from ticket_store import ticket_pages, tickets
from ticket_store.listing import as_json as plain
from ticket_store.pool import Pool
from ticket_store.tickets import TicketMessage, TicketNotFoundError

_NAMES: Final = ("continues", "merged_into")
_LISTS: Final = ("continued_by", "merged_from")


@asynccontextmanager
async def answers(what: str) -> AsyncIterator[None]:
    """Let what rooms raise reach who asked over HTTP. `what` names the thing that may not be there."""
    try:
        yield
    except STORE_ERRORS as error:
        raise UnavailableError from error
    except ChangedError as error:
        raise ProblemError(412, "changed", f"The ticket is at version {error.version} now: read it again.") from error
    except OtherRequestError as error:
        raise reused() from error
    except tuple(CODES) as error:
        code = next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
        raise (NotThereError(what) if code == NOT_FOUND else RefusedError(str(error))) from error


class ApiTickets:
    """Tickets on a pool. A number that a token may not see is left out wherever it stands."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self,
        accounts: Accounts,
        *,
        filters: Mapping[str, str | None],
        oldest_first: bool,
        after: str | None,
        limit: int,
    ) -> Sequence[Row]:
        """Give one page; see `console.api.ports.Tickets`."""
        async with self._reading("ticket") as connection:
            if oldest_first:
                rows = await ticket_pages.tickets_by_age(
                    connection, filters=filters, accounts=accounts, after=after, limit=limit
                )
            else:
                rows = await tickets.list_tickets(connection, **filters, accounts=accounts, after=after, limit=limit)
        return [{**plain(row), "cursor": row.cursor} for row in rows]

    async def ticket(self, accounts: Accounts, number: str) -> Row:
        """Give one ticket without its messages."""
        async with self._reading("ticket") as connection:
            await check_ticket(connection, accounts, number)
            found = plain(await tickets.ticket_head(connection, number))
            row = {**found, **found.pop("ticket")}
            return await self._seen(connection, accounts, row)

    async def messages(self, accounts: Accounts, number: str, *, after: str | None, limit: int) -> Sequence[Row]:
        """Give one page of messages."""
        async with self._reading("ticket") as connection:
            await check_ticket(connection, accounts, number)
            found = await tickets.ticket_messages(
                connection, number, accounts=accounts, after=ticket_pages.message_after(after), limit=limit
            )
            return await self._shown(connection, accounts, found)

    async def message(self, accounts: Accounts, message_id: int) -> Row:
        """Give one message that stands on a ticket."""
        async with self._reading("message") as connection:
            found, account = await ticket_pages.one_message(connection, message_id)
            if accounts is not None and account not in accounts:
                raise TicketNotFoundError
            return (await self._shown(connection, accounts, [found]))[0]

    async def _shown(
        self, connection: AsyncConnection[TupleRow], accounts: Accounts, found: Sequence[TicketMessage]
    ) -> list[dict[str, Any]]:
        rows = [
            {**plain(message), "cursor": ticket_pages.message_cursor(message.received_at, message.id)}
            for message in found
        ]
        if accounts is None:
            return rows
        named = {number for row in rows for number in numbers_in(row["decision"])}
        seen, hidden = await sorted_out(connection, accounts, named)
        return [{**row, "decision": shown_decision(row["decision"], seen, hidden)} for row in rows]

    async def _seen(
        self, connection: AsyncConnection[TupleRow], accounts: Accounts, row: dict[str, Any]
    ) -> dict[str, Any]:
        """Leave out numbers of tickets that may not be seen."""
        if accounts is None:
            return row
        named = {row[name] for name in _NAMES if row[name]}.union(*(row[name] for name in _LISTS))
        seen, _ = await sorted_out(connection, accounts, named)
        row |= {name: row[name] if row[name] in seen else None for name in _NAMES}
        return row | {name: [number for number in row[name] if number in seen] for name in _LISTS}

    @asynccontextmanager
    async def _reading(self, what: str) -> AsyncIterator[AsyncConnection[TupleRow]]:
        try:
            async with answers(what), self._pool.connection() as connection:
                yield connection
        except (ValueError, psycopg.DataError) as error:
            raise wrong() from error


async def check_ticket(connection: AsyncConnection[TupleRow], accounts: Accounts, number: str) -> str:
    """Give the ticket's account. Raises `TicketNotFoundError` for a ticket that is not there or may not be seen."""
    found = (await ticket_pages.accounts_of(connection, [number])).get(number)
    if not found or (accounts is not None and found[0] not in accounts):
        raise TicketNotFoundError
    return found[0]
