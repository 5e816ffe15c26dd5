"""What `spool ...` does."""

from collections.abc import Awaitable
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from console import detail, tables
from daemon.asking import ask, check_known, ticket_number
from daemon.cli_options import print_json, print_line, print_text
from daemon.clock import now
from daemon.errors import NOT_FOUND, UserError
from daemon.legacy_context import of_message
from daemon.listings import print_listing
from daemon.opened import Opened, desk
from daemon.suggesting import suggestions
from router.desk import Filed, NoSuchTicketError
from schemas.numbers import shown
from schemas.placement import HoldReason
from ticket_store import spool
from ticket_store.listing import as_json as plain


def list_held(*, reason: str | None, account: str | None, limit: int | None, as_json: bool) -> None:
    """Print held messages."""
    check_known("reason", reason, HoldReason)

    def page(
        connection: AsyncConnection[TupleRow], last: spool.SpoolLine | None, most: int
    ) -> Awaitable[list[spool.SpoolLine]]:
        after = last.id if last else None
        return spool.list_spool(connection, now=now(), reason=reason, account=account, after_id=after, limit=most)

    nothing, more = "nothing is held", _with_suggestions
    print_listing(page, tables.SPOOL, account=account, limit=limit, as_json=as_json, nothing=nothing, more=more)


async def _with_suggestions(store: Opened, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    likely = await suggestions(store, [row["id"] for row in rows])
    return [{**row, "suggestions": likely.get(row["id"], [])} for row in rows]


def show_held(message: int, *, as_json: bool) -> None:
    """Print one held message."""

    async def read(store: Opened) -> dict[str, Any]:
        async with store.pool.connection() as connection:
            held = await spool.show_held(connection, message, now=now())
            likely = (await suggestions(store, [message])).get(message, [])
            old = await of_message(connection, store.settings, held.decision, held.message.sender)
            return {**plain(held), "suggestions": likely, "old_tickets": old}

    found = ask(read)
    if as_json:
        print_json(found)
    else:
        likely = [{**one, "ticket": shown(one["ticket"])} for one in found["suggestions"]]
        print_text(detail.held({**found, "suggestions": likely}))


def link_held(message: int, number: str) -> None:
    """Put a held message on a ticket."""
    bare = ticket_number(number)

    async def link(store: Opened) -> Filed:
        try:
            return await desk(store).link(message, bare)
        except NoSuchTicketError as error:
            raise UserError(str(error).replace(bare, shown(bare)), code=NOT_FOUND) from error

    _say(message, ask(link))


def open_held(message: int) -> None:
    """Open a ticket for a held message."""

    async def open_(store: Opened) -> Filed:
        return await desk(store).open(message)

    _say(message, ask(open_))


def forward_held(message: int) -> None:
    """Send a held message on to the old desk whose mail it is."""

    async def forward(store: Opened) -> Filed:
        return await desk(store).forward(message)

    filed = ask(forward)
    more = f"; {filed.released} held answers went with it" if filed.released else ""
    print_line(f"message {message} is sent on to the old desk{more}")


def discard_held(message: int) -> None:
    """Take a held message out of the spool."""

    async def discard(store: Opened) -> Filed:
        return await desk(store).discard(message)

    _say(message, ask(discard))


def _say(message: int, filed: Filed) -> None:
    where = f"is on ticket {shown(filed.ticket)}" if filed.ticket else "is discarded"
    more = f"; {filed.released} held answers went with it" if filed.released else ""
    print_line(f"message {message} {where}{more}")
