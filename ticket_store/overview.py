"""What `switchboard status` shows: how many of everything, what waits longest, and how far behind each partition is."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ticket_store.ledger import PartitionEnd
from ticket_store.listing import fetch_rows
from ticket_store.statements import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLag:
    """One partition of the inbound topic: `lag` records of it are not routed yet."""

    partition: int
    stored_offset: int
    next_offset: int
    lag: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of the store. Ages are in seconds; None when nothing waits."""

    tickets: Mapping[str, int]
    """Status -> tickets."""
    held: Mapping[str, int]
    """Reason -> held messages."""
    oldest_held_at: datetime | None
    oldest_held_seconds: float | None
    overdue: int
    """Held messages that wait longer than somebody should let them."""
    dead_letters: int
    unpublished: int
    oldest_unpublished_seconds: float | None
    sends_queued: int
    """Messages of ours that are not sent yet."""
    oldest_send_seconds: float | None
    lag: int
    partitions: tuple[PartitionLag, ...]


async def read_overview(
    connection: AsyncConnection[TupleRow],
    *,
    consumer: str,
    topic: str,
    now: datetime,
    overdue_before: datetime,
    log_ends: Callable[[], Awaitable[Iterable[PartitionEnd]]],
) -> Overview:
    """Read everything in one snapshot, and the ends of the log after it. The connection must not be in a transaction.

    Counts tickets through an index; a second a few millions.
    """
    which = {"consumer": consumer, "topic": topic, "now": now, "overdue_before": overdue_before}
    async with connection.transaction():
        await connection.execute(statement("ledger", "freeze"))
        tickets = await _counts(connection, "tickets_by_status", which)
        held = await _counts(connection, "held_by_reason", which)
        (waiting,) = await fetch_rows(connection, statement("overview", "waiting"), which)
        positions = await connection.execute(statement("ledger", "positions"), which)
        stored: dict[int, int] = dict(await positions.fetchall())
    partitions = tuple(_lag(end, stored.get(end.partition, 0)) for end in await log_ends())
    total = sum(partition.lag for partition in partitions)
    return Overview(tickets=tickets, held=held, **waiting, lag=total, partitions=partitions)


async def _counts(connection: AsyncConnection[TupleRow], name: str, which: Mapping[str, Any]) -> dict[str, int]:
    cursor = await connection.execute(statement("overview", name), which)
    return dict(await cursor.fetchall())


def _lag(end: PartitionEnd, stored: int) -> PartitionLag:
    return PartitionLag(
        partition=end.partition, stored_offset=stored, next_offset=end.next_offset, lag=max(0, end.next_offset - stored)
    )
