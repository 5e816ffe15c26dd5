"""What `tickets ...` does."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from console import detail, tables
from daemon.cli_options import print_json, print_line, print_text
from daemon.clock import now
from daemon.errors import NO, NOT_FOUND, USAGE, UserError
from daemon.listings import print_listing
from daemon.opened import Opened, with_store
from lifecycle import statuses
from ticket_store import tickets
from ticket_store.listing import as_json as plain
from ticket_store.status_moves import TicketNotFoundError, move_status

_T = TypeVar("_T")


def list_tickets(
    *, status: str | None, account: str | None, requester: str | None, limit: int | None, as_json: bool
) -> None:
    """Print tickets."""

    def page(
        connection: AsyncConnection[TupleRow], last: tickets.TicketLine | None, most: int
    ) -> Awaitable[list[tickets.TicketLine]]:
        return tickets.list_tickets(
            connection,
            status=status,
            account=account,
            requester=requester,
            after=last.cursor if last else None,
            limit=most,
        )

    print_listing(page, tables.TICKETS, limit=limit, as_json=as_json, nothing="no tickets")


def show_ticket(number: str, *, as_json: bool) -> None:
    """Print one ticket with its messages and decisions."""

    async def read(store: Opened) -> tickets.TicketDetail:
        async with store.pool.connection() as connection:
            return await tickets.show_ticket(connection, number)

    found = plain(ask(read))
    print_json(found) if as_json else print_text(detail.ticket(found))


def move_ticket(number: str, target: str) -> None:
    """Close or reopen a ticket; the event goes out by the running daemon."""
    moment = now()

    def decide(current: str) -> statuses.Move:
        return statuses.move(current, statuses.Status(target), reason=statuses.Reason.OPERATOR, at=moment)

    async def move(store: Opened) -> None:
        async with store.pool.connection() as connection:
            await connection.rollback()
            await move_status(connection, number, decide=decide, source=store.instance.source, now=moment)

    ask(move)
    print_line(f"ticket {number} is {target}")


def ask(work: Callable[[Opened], Awaitable[_T]]) -> _T:
    """Run work on the store; what is not there or not allowed is a `UserError`."""
    try:
        return with_store(work)
    except TicketNotFoundError as error:
        raise UserError(str(error), code=NOT_FOUND) from error
    except statuses.MoveError as error:
        raise UserError(str(error), code=NO) from error
    except ValueError as error:
        raise UserError(str(error), code=USAGE) from error
