"""Ticket events for readers of the API: taken from the topic once, with the offsets in one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psycopg.rows import TupleRow, class_row

from schemas.routing_rows import LogPosition, MovedOffset
from ticket_store.pool import Pool
from ticket_store.statements import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class FedEvent:
    """An event as the topic gave it."""

    event_id: UUID
    ticket: str
    account: str
    type: str
    event: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEvent:
    """An event as a reader gets it."""

    position: int
    type: str
    event: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The oldest position that is kept, and the newest one."""

    oldest: int
    newest: int


class _FasterError(Exception):
    """Somebody else moved an offset: everything is rolled back."""


def _check_moved(found: Sequence[TupleRow], wanted: Sequence[MovedOffset]) -> None:
    if len(found) != len(wanted):
        raise _FasterError


class EventFeed:
    """The feed on a pool."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def take(
        self, log: LogPosition, moves: Sequence[MovedOffset], events: Sequence[FedEvent], *, now: datetime
    ) -> bool:
        """Store events and move the offsets; False, and nothing is stored, when somebody else was faster."""
        ordered = sorted(moves)
        offsets = {
            **log._asdict(),
            "partitions": [move.partition for move in ordered],
            "expected": [move.expected for move in ordered],
            "next_offsets": [move.next_offset for move in ordered],
        }
        try:
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(statement("routing", "move_offsets"), offsets)
                _check_moved(await cursor.fetchall(), ordered)
                await connection.execute(statement("feed", "lock_feed"))
                await connection.execute(statement("feed", "add_events"), _arrays(events, now))
        except _FasterError:
            return False
        return True

    async def after(self, position: int, *, accounts: Collection[str] | None, limit: int) -> list[ReadEvent]:
        """Give events after a position that these accounts may see."""
        which = {"position": position, "accounts": None if accounts is None else sorted(accounts), "limit": limit}
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(ReadEvent)) as cursor:
            await cursor.execute(statement("feed", "events_after"), which)
            return await cursor.fetchall()

    async def ends(self) -> Ends:
        """Give what is kept."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Ends)) as cursor:
            await cursor.execute(statement("feed", "feed_ends"))
            row = await cursor.fetchone()
        if row is None:
            raise LookupError("the feed has no position: run `switchboard migrate`")
        return row

    async def purge(self, *, before: datetime) -> None:
        """Forget events that were fed before then."""
        async with self._pool.connection() as connection:
            await connection.execute(statement("feed", "purge_events"), {"before": before})


def _arrays(events: Sequence[FedEvent], now: datetime) -> dict[str, object]:
    once = list({event.event_id: event for event in events}.values())
    return {
        "ids": [event.event_id for event in once],
        "tickets": [event.ticket for event in once],
        "accounts": [event.account for event in once],
        "types": [event.type for event in once],
        "events": [event.event for event in once],
        "now": now,
    }
