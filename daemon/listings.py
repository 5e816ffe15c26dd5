"""Listings of the command line: page after page from the store, as a table or as JSON."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from console.tables import Column
from daemon.asking import check_account, for_people
from daemon.cli_options import print_rows
from daemon.opened import Opened, with_store
from ticket_store.listing import MOST_ROWS
from ticket_store.listing import as_json as plain

TABLE_ROWS: Final = 100
"""Rows of a table when nobody says how many; more is nothing that a person reads."""

_Row = TypeVar("_Row")

More = Callable[[Opened, list[dict[str, Any]]], Awaitable[list[dict[str, Any]]]]
"""Adds to rows what the listing's statement does not give."""


class Page(Protocol[_Row]):
    """Reads rows that follow the last one seen (None: from the beginning), at most `limit`."""

    def __call__(
        self, connection: AsyncConnection[TupleRow], last: _Row | None, limit: int, /
    ) -> Awaitable[list[_Row]]:
        """Read one page."""
        ...


def print_listing(
    page: Page[_Row],
    columns: Sequence[Column],
    *,
    account: str | None,
    limit: int | None,
    as_json: bool,
    nothing: str,
    more: More | None = None,
) -> None:
    """Print rows: all of them as JSON and 100 in a table, unless a limit is set. Says so when a table is cut.

    `more` adds to the rows of JSON. Raises `UserError` when nobody knows the `account` that the page asks for.
    """
    wanted = limit if limit is not None or as_json else TABLE_ROWS

    async def read(store: Opened) -> list[dict[str, Any]]:
        async with store.pool.connection() as connection:
            await check_account(store, connection, account)
            found = await rows(
                lambda last, most: page(connection, last, most), most=None if wanted is None else wanted + 1
            )
        shown = [plain(row) for row in found]
        return await more(store, shown) if more is not None and as_json else shown

    found = with_store(read)
    shown = found[:wanted]
    print_rows(shown if as_json else [for_people(row) for row in shown], columns, as_json=as_json, nothing=nothing)
    if len(found) > len(shown):
        sys.stderr.write(f"switchboard: there are more than these {len(shown)}: --limit N shows more, --json all\n")


async def rows(page: Callable[[_Row | None, int], Awaitable[list[_Row]]], *, most: int | None) -> list[_Row]:
    """Read page after page until there are no more, or `most` rows."""
    found: list[_Row] = []
    while most is None or len(found) < most:
        count = MOST_ROWS if most is None else min(most - len(found), MOST_ROWS)
        new = await page(found[-1] if found else None, count)
        found += new
        if len(new) < count:
            break
    return found
