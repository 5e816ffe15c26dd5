"""The outbox as relays see it: shards under advisory locks, unpublished rows, marks, retention.

The locks belong to the transaction that also marks, so they work behind PgBouncer and end with a dead relay's
connection. Rows are read by a statement after the one that locks: its snapshot sees what the last holder marked.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row, scalar_row

from schemas.events import SHARDS
from ticket_store.pool import Pool
from ticket_store.statements import statement

SHARDS_AT_ONCE: Final = SHARDS // 2
"""How many shards one claim takes, so that a second relay always finds some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpublishedEvent:
    """One row that is not published yet."""

    id: UUID
    ticket_id: int
    number: str
    event: str = field(repr=False)


class ClaimedEvents:
    """The oldest events of the claimed shards, and the way to mark them in the claim's transaction."""

    def __init__(self, *, connection: AsyncConnection[TupleRow], events: Sequence[UnpublishedEvent]) -> None:
        self._connection = connection
        self.events = events

    async def mark(self, ids: Sequence[UUID]) -> None:
        """Note that these are stored on the topic."""
        await self._connection.execute(statement("outbox", "mark_published"), {"ids": list(ids)})


class PostgresOutbox:
    """The outbox over a pool. `listen` is a connection string for hints, of the server itself; None = only poll."""

    def __init__(self, *, pool: Pool, listen: str | None = None) -> None:
        self._pool = pool
        self._listen = listen
        self._ear: AsyncConnection[TupleRow] | None = None

    @asynccontextmanager
    async def claim(self, *, limit: int, excluding: Sequence[int] = ()) -> AsyncIterator[ClaimedEvents]:
        """Claim free shards with unpublished events for as long as the context lasts; marks count when it ends well.

        Takes at most half of all shards, those with the oldest events first, and the same share of `limit` from each.
        """
        async with self._pool.connection() as connection, connection.transaction():
            shards = await self._lock(connection, excluding)
            events = await self._read(connection, shards, limit, excluding) if shards else []
            yield ClaimedEvents(connection=connection, events=events)

    async def wait(self, seconds: float) -> None:
        """Return when a transaction with new events has committed, or after so many seconds."""
        try:
            connection = await self._listening()
            if connection is not None:
                async for _ in connection.notifies(timeout=seconds, stop_after=1):
                    pass
                return
        except psycopg.OperationalError:
            await self.close()
        await asyncio.sleep(seconds)

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Remove up to `limit` rows that were published before then, oldest first, and say how many there were."""
        async with self._pool.connection() as connection:
            parameters = {"before": before, "limit": limit}
            return (await connection.execute(statement("outbox", "purge"), parameters)).rowcount

    async def close(self) -> None:
        """Let go of the connection that listens."""
        ear, self._ear = self._ear, None
        if ear is not None:
            await ear.close()

    async def _lock(self, connection: AsyncConnection[TupleRow], excluding: Sequence[int]) -> list[int]:
        parameters = {"last": SHARDS - 1, "limit": SHARDS_AT_ONCE, "excluding": list(excluding)}
        async with connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(statement("outbox", "claim_shards"), parameters)
            return await cursor.fetchall()

    async def _read(
        self, connection: AsyncConnection[TupleRow], shards: list[int], limit: int, excluding: Sequence[int]
    ) -> list[UnpublishedEvent]:
        parameters = {"shards": shards, "limit": max(1, limit // len(shards)), "excluding": list(excluding)}
        async with connection.cursor(row_factory=class_row(UnpublishedEvent)) as cursor:
            await cursor.execute(statement("outbox", "read_unpublished"), parameters)
            return await cursor.fetchall()

    async def _listening(self) -> AsyncConnection[TupleRow] | None:
        if self._ear is None and self._listen is not None:
            self._ear = await AsyncConnection.connect(self._listen, autocommit=True, connect_timeout=5)
            await self._ear.execute(statement("outbox", "listen"))
        return self._ear
