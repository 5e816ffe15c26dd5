"""An old desk's export into the store: lines into a stage of this connection, then stretches of old tickets.

A stretch is a transaction of its own, so that the router never waits long for a row of it, and an import that was
stopped is begun again without harm.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from schemas.legacy import ImportedTicket
from ticket_store.statements import statement

STRETCH: Final = 2000
"""Old tickets of one transaction."""

STAGE: Final = ("merge_stage", "merge_history", "index_stage", "index_stage_history", "index_stage_lines")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyImport:
    """What an import did, in old tickets; `message_ids` are new ones, `woken` held messages to be looked at again."""

    new: int
    known: int
    message_ids: int
    woken: int


async def stage(connection: AsyncConnection[TupleRow], lines: Iterable[ImportedTicket]) -> int:
    """Take the lines of an export as they come; give the number of old tickets that they tell of."""
    await connection.execute(statement("legacy", "make_stage"))
    async with connection.cursor() as cursor, cursor.copy(statement("legacy", "fill_stage")) as copy:
        for place, line in enumerate(lines):
            await copy.write_row((place, *line[:-2], Jsonb(line.history), line.digests))
    for name in STAGE:
        await connection.execute(statement("legacy", name))
    cursor = await connection.execute(statement("legacy", "count_stage"))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def store_staged(
    connection: AsyncConnection[TupleRow],
    total: int,
    *,
    desk: str,
    scopes: Collection[str],
    now: datetime,
    progress: Callable[[int], None],
) -> LegacyImport:
    """Store what was staged, stretch by stretch; `progress` hears how many old tickets are done."""
    new = known = ids = woken = 0
    for first, last in _stretches(total):
        what = {"desk": desk, "after": first, "upto": last, "now": now, "scopes": sorted(scopes)}
        async with connection.transaction():
            woken += (await connection.execute(statement("legacy", "wake_stretch"), what)).rowcount
            cursor = await connection.execute(statement("legacy", "upsert_tickets"), what)
            fresh = [row[0] for row in await cursor.fetchall()]
            ids += (await connection.execute(statement("legacy", "upsert_ids"), what)).rowcount
        new, known = new + sum(fresh), known + len(fresh) - sum(fresh)
        progress(last)
    return LegacyImport(new=new, known=known, message_ids=ids, woken=woken)


def _stretches(total: int) -> Iterator[tuple[int, int]]:
    for first in range(0, total, STRETCH):
        yield first, min(first + STRETCH, total)
