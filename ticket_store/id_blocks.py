"""Numbers of tickets and messages: what a transaction takes from sequences, and what a process keeps of it."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ticket_store.statements import statement

BLOCK: Final = 500
"""Tickets' ids taken from their sequence at a time, at least."""


class IdBlocks:
    """Ids taken ahead of need, each of them by a transaction that was committed.

    A sequence may go back when the server crashes: what it gave to a transaction is on the disk only once that, or a
    later one, was committed (PostgreSQL, `nextval`). So what a failed transaction took is somebody else's now.
    """

    def __init__(self) -> None:
        self._tickets: deque[int] = deque()

    def take(self, count: int) -> list[int]:
        """Give so many, or as many as there are."""
        return [self._tickets.popleft() for _ in range(min(count, len(self._tickets)))]

    def keep(self, ids: Iterable[int]) -> None:
        """Take what a committed transaction did not need."""
        self._tickets.extend(ids)

    def forget(self) -> None:
        """Hand none of them out: the server may have crashed, or another one may have taken its place."""
        self._tickets.clear()


class NumberStatements:
    """What a transaction takes, and from which it gives to what it writes."""

    def __init__(self, *, connection: AsyncConnection[TupleRow], ids: IdBlocks) -> None:
        self._connection = connection
        self._ids = ids
        self._tickets: deque[int] = deque()
        self._messages: deque[int] = deque()

    async def message_ids(self, count: int) -> Sequence[int]:
        """Take numbers for messages, ascending, and higher than those of all transactions that ended before."""
        return await self._next("next_message_ids", count) if count else []

    async def reserve_message_ids(self, count: int) -> None:
        """Make sure that `next_message_id` can be asked this often."""
        self._messages.extend(await self.message_ids(count))

    def next_message_id(self) -> int:
        """Take the number of a message of ours."""
        return self._messages.popleft()

    async def reserve_ticket_ids(self, count: int) -> None:
        """Make sure that `next_ticket_id` can be asked this often."""
        self._tickets.extend(self._ids.take(count - len(self._tickets)))
        missing = count - len(self._tickets)
        if missing > 0:
            self._tickets.extend(await self._next("next_ticket_ids", max(BLOCK, missing)))

    def next_ticket_id(self) -> int:
        """Take the id of a new ticket."""
        return self._tickets.popleft()

    def give_back(self) -> None:
        """Leave the tickets' ids that were not needed to later transactions. Call it once this one is committed."""
        self._ids.keep(self._tickets)

    async def _next(self, name: str, count: int) -> list[int]:
        cursor = await self._connection.execute(statement("routing", name), {"count": count})
        return [row[0] for row in await cursor.fetchall()]
