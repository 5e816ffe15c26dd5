"""What waits in the store, in one cheap statement: for metrics every few seconds, and for `switchboard status`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from ticket_store.statements import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Numbers of things that wait; times are None when there is none."""

    held: int
    oldest_held_at: datetime | None
    overdue: int
    held_by_reason: Mapping[str, int]
    dead_letters: int
    unpublished: int
    oldest_unpublished_at: datetime | None


async def read_backlog(connection: AsyncConnection[TupleRow], *, overdue_before: datetime) -> Backlog:
    """Count; what is held since before that moment is overdue. Costs scans over what waits, not over what is done."""
    async with connection.cursor(row_factory=class_row(Backlog)) as cursor:
        await cursor.execute(statement("backlog", "backlog"), {"overdue_before": overdue_before})
        row = await cursor.fetchone()
    if row is None:
        raise LookupError("PostgreSQL gave no row for a statement that always has one")
    return row
