"""Files that are fetched from platforms: taken by workers under a lease, and what became of them."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.media_rows import DueFetch, FetchResult
from schemas.notice_rows import NoticeRow
from ticket_store.outbound import OutboundTransaction
from ticket_store.pool import Pool
from ticket_store.routing import RoutingStore
from ticket_store.statements import statement


class FetchQueue:
    """What is to be fetched. Every call is one transaction."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, *, rooms: Mapping[str, int], now: datetime, until: datetime) -> Sequence[DueFetch]:
        """Take so many due files of each account; nobody else gets them before `until`."""
        which = {"accounts": list(rooms), "limits": list(rooms.values()), "now": now, "until": until}
        async with self._pool.connection() as connection:
            await connection.execute(statement("routing", "settings"))
            cursor = await connection.execute(statement("media", "claim_fetches"), which)
            return [DueFetch(*row) for row in await cursor.fetchall()]

    async def later(self, fetch: DueFetch, *, due_at: datetime, problem: str) -> None:
        """Let a file be fetched again then."""
        which = {"message_id": fetch.message_id, "platform_id": fetch.platform_id, "attempt": fetch.attempt}
        async with self._pool.connection() as connection:
            await connection.execute(statement("media", "fetch_later"), {**which, "due_at": due_at, "problem": problem})


class FetchTransaction(OutboundTransaction):
    """Brings a file to the messages on which it stands. The order of locks is the router's."""

    async def fetch_targets(self, message_id: int) -> Sequence[tuple[int, int | None]]:
        """Give the messages on which a file of this one may stand, and their tickets; locks nothing."""
        return [(row[0], row[1]) for row in await self._fetch_rows("fetch_targets", {"message_id": message_id})]

    async def settle_fetch(self, result: FetchResult) -> bool:
        """Say what became of a file; False when the claim was lost."""
        return bool(await self._fetch_rows("settle_fetch", result._asdict()))

    async def name_blob(self, sha256: bytes, message_ids: Collection[int]) -> None:
        """Keep a blob for messages."""
        which = {"sha256": sha256, "message_ids": sorted(message_ids)}
        await self._connection.execute(statement("media", "name_blob"), which)

    async def call_notice(self, row: NoticeRow) -> None:
        """Let somebody be told, once for a message and reason."""
        await self._connection.execute(statement("media", "call_notice"), row._asdict())

    async def _fetch_rows(self, name: str, parameters: Mapping[str, object]) -> list[TupleRow]:
        cursor = await self._connection.execute(statement("media", name), parameters)
        return await cursor.fetchall()


class FetchStore(RoutingStore):
    """Transactions on a pool."""

    def transaction(self) -> AbstractAsyncContextManager[FetchTransaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        return self._opened(FetchTransaction)


async def fetches_waiting(connection: AsyncConnection[TupleRow]) -> list[tuple[str, int, datetime]]:
    """Count what waits, by account."""
    cursor = await connection.execute(statement("media", "fetches_waiting"))
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]
