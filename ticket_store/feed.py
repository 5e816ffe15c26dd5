"""Ticket events for readers of the API: taken from the topic once, with the offsets in one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from schemas.routing_rows import LogPosition, MovedOffset
from ticket_store.pool import Pool
from ticket_store.statements import statement

GAP: Final = "gap"
"""Type of what stands in the feed where events are missing: they were gone before the feed could take them."""
EVERYBODY: Final = ""
"""Account of what every reader gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FedEvent:
    """An event as the topic gave it. `names` are the numbers of other tickets that it names."""

    event_id: UUID
    ticket: str
    account: str
    type: str
    sequence: int
    happened_at: datetime
    names: tuple[str, ...] = ()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a reader begins. `gap`: events that these accounts may see were forgotten before the reader had them."""

    position: int
    gap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """Some events, and the position after which the next ones come: it moves on also past those of others."""

    events: Sequence[ReadEvent]
    position: int


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

    async def skip(self, log: LogPosition, moves: Sequence[MovedOffset], *, now: datetime) -> bool:
        """Move offsets past events that are gone; every reader gets a gap there, in order. False as in `take`."""
        gap = FedEvent(
            event_id=uuid4(), ticket="", account=EVERYBODY, type=GAP, sequence=0, happened_at=now, event="{}"
        )
        return await self.take(log, moves, [gap], now=now)

    async def after(self, position: int, *, accounts: Collection[str] | None, limit: int) -> list[ReadEvent]:
        """Give events after a position that these accounts may see."""
        which = {"position": position, "limit": limit}
        async with self._pool.connection() as connection:
            return await _after(connection, which, accounts)

    async def start(self, last: int | None, *, accounts: Collection[str] | None) -> Start:
        """Give where a reader begins whose last event was `last`. None: what comes from now on; 0: all that is kept.

        There is a gap only where an event of these accounts was forgotten, or where `last` is of another feed.
        """
        async with self._pool.connection() as connection:
            newest, gone = await _newest(connection, accounts)
        if last is None:
            return Start(position=newest, gap=False)
        return Start(position=min(last, newest), gap=last > newest or 0 < last < gone)

    async def page(self, position: int, *, accounts: Collection[str] | None, limit: int) -> FeedPage:
        """Give the next events that these accounts may see, and where to go on.

        The newest position is read before the events: whatever is not seen then has a higher one.
        """
        which = {"position": position, "limit": limit}
        async with self._pool.connection() as connection:
            newest, _ = await _newest(connection, accounts)
            found = await _after(connection, which, accounts)
        if len(found) == limit:
            return FeedPage(events=found, position=found[-1].position)
        return FeedPage(events=found, position=max([position, newest, *(event.position for event in found[-1:])]))

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


async def _after(
    connection: AsyncConnection[TupleRow], which: dict[str, int], accounts: Collection[str] | None
) -> list[ReadEvent]:
    """Read events; a statement of its own for some accounts, so that no plan has to fit both."""
    name = "events_after" if accounts is None else "events_of_accounts"
    mine = {} if accounts is None else {"accounts": sorted({*accounts, EVERYBODY})}
    async with connection.cursor(row_factory=class_row(ReadEvent)) as cursor:
        await cursor.execute(statement("feed", name), {**which, **mine})
        return await cursor.fetchall()


async def _newest(connection: AsyncConnection[TupleRow], accounts: Collection[str] | None) -> tuple[int, int]:
    which = {"accounts": None if accounts is None else sorted(accounts)}
    cursor = await connection.execute(statement("feed", "feed_start"), which)
    row = await cursor.fetchone()
    if row is None:
        raise LookupError("the feed has no position: run `switchboard migrate`")
    return int(row[0]), int(row[1])


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
