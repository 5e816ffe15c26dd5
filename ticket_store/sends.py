"""What we owe to be sent: taken by workers under a lease, so that a dead worker's sends come again."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.outbound_rows import Backlog, DueSend
from ticket_store.pool import Pool
from ticket_store.statements import statement


class PostgresSends:
    """The sends of a store. Every call is one transaction; several workers share them."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, *, rooms: Mapping[str, int], now: datetime, until: datetime) -> Sequence[DueSend]:
        """Take so many due sends of each lane; nobody else gets them before `until`."""
        parameters = {"lanes": list(rooms), "limits": list(rooms.values()), "now": now, "until": until}
        async with self._pool.connection() as connection:
            await connection.execute(statement("routing", "settings"))  # else it reads all that is due to take a few
            cursor = await connection.execute(statement("sends", "claim"), parameters)
            return [DueSend(*row) for row in await cursor.fetchall()]

    async def extend(self, sends: Sequence[DueSend], *, until: datetime) -> None:
        """Keep claimed sends for longer."""
        await self._change("extend", sends, until=until)

    async def give_back(self, sends: Sequence[DueSend], *, due_at: datetime, problem: str) -> None:
        """Let claimed sends be due again then; this attempt does not count."""
        await self._change("give_back", sends, due_at=due_at, problem=problem)

    async def keep_raw(self, message_id: int, *, sha256: str, size: int) -> bool:
        """Name the bytes of a message of ours, which lie in the blob store already; False when it has others."""
        parameters = {"message_id": message_id, "sha256": sha256, "size": size}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("sends", "keep_raw"), parameters)
            return await cursor.fetchone() is not None

    async def _change(self, name: str, sends: Sequence[DueSend], **more: object) -> None:
        parameters = {
            "message_ids": [send.message_id for send in sends],
            "claims": [send.claim for send in sends],
            **more,
        }
        async with self._pool.connection() as connection:
            await connection.execute(statement("sends", name), parameters)


async def backlog(connection: AsyncConnection[TupleRow]) -> list[Backlog]:
    """Count what waits to be sent, by lane; a lane where nothing waits is not told."""
    cursor = await connection.execute(statement("sends", "backlog"))
    return [Backlog(*row) for row in await cursor.fetchall()]
