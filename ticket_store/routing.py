"""The store's side of the router: one transaction a batch, a handful of set-based statements, one order of locks.

Rows go in as arrays (`unnest`) where they meet existing rows, and by COPY where they are new. See docs/architecture.md,
"One router transaction".
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.changes import Changes
from schemas.dead_letter_rows import StoredDeadLetter
from schemas.legacy import OldIdRow, OldKey, OldTicketRow
from schemas.outbound_rows import SpokenRow
from schemas.placement import Fault
from schemas.revision_rows import HoldRow, RevisableRow
from schemas.routing_rows import (
    HeldMessageRow,
    IdKey,
    KnownRow,
    LogPosition,
    MovedOffset,
    ParticipantRow,
    QuotedRow,
    ReachedRow,
    ThreadRow,
    TicketRow,
)
from schemas.sending_rows import SentRow
from ticket_store.conversations import ConversationStatements
from ticket_store.failures import fault_of
from ticket_store.id_blocks import IdBlocks, NumberStatements
from ticket_store.instance import read_or_create
from ticket_store.numbers import TicketNumbers
from ticket_store.pool import Pool
from ticket_store.routing_write import Writer
from ticket_store.signing_keys import SigningKeyRow, read_keys
from ticket_store.statements import statement

Kind = TypeVar("Kind", bound="RoutingTransaction")


class RoutingStore:
    """Routing transactions on a pool; the router's only way to the database. Safe for several workers."""

    def __init__(self, *, pool: Pool, numbers: TicketNumbers) -> None:
        self._pool = pool
        self._numbers = numbers
        self._ids = IdBlocks()

    def transaction(self) -> "AbstractAsyncContextManager[RoutingTransaction]":
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        return self._opened(RoutingTransaction)

    @asynccontextmanager
    async def _opened(self, kind: "type[Kind]") -> "AsyncIterator[Kind]":
        try:
            async with self._pool.connection() as connection, connection.transaction():
                transaction = kind(connection=connection, numbers=self._numbers, ids=self._ids)
                await transaction.begin()
                yield transaction
        except BaseException:
            self._ids.forget()
            raise
        transaction.give_back()

    async def positions(self, consumer: str, topic: str, partitions: Collection[int]) -> Mapping[int, tuple[int, str]]:
        """Give the stored next offset and log identity of partitions that have one."""
        parameters = {"consumer": consumer, "topic": topic, "partitions": sorted(partitions)}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("routing", "stored_positions"), parameters)
            return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}

    async def signing_keys(self) -> tuple[UUID, Sequence[SigningKeyRow]]:
        """Give the installation's id and its keys, the oldest first; the first key is made when there is none."""
        async with self._pool.connection() as connection:
            instance = await read_or_create(connection)
            return instance.instance_id, await read_keys(connection)

    async def to_look_at(self, *, now: datetime, limit: int) -> Sequence[int]:
        """Give held messages that shall be decided anew, the longest due first."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("routing", "to_look_at"), {"now": now, "limit": limit})
            return [row[0] for row in await cursor.fetchall()]

    async def dead_letter(self, dead_letter_id: int) -> StoredDeadLetter | None:
        """Read an open dead letter."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("routing", "dead_letter"), {"id": dead_letter_id})
            row = await cursor.fetchone()
        return StoredDeadLetter(*row) if row else None

    async def failed_again(self, dead_letter_id: int, reason: str, sqlstate: str) -> None:
        """Keep why a dead letter failed this time."""
        parameters = {"id": dead_letter_id, "reason": reason, "sqlstate": sqlstate}
        async with self._pool.connection() as connection:
            await connection.execute(statement("routing_write", "failed_again"), parameters)

    def fault_of(self, error: Exception) -> tuple[Fault, str]:
        """Say whose fault a failure is, and its SQLSTATE if it has one."""
        return fault_of(error)


class RoutingTransaction(ConversationStatements, NumberStatements):
    """One open transaction. Callers keep the order: offsets, deliveries, ids, matches, held mail, tickets, writes."""

    def __init__(self, *, connection: AsyncConnection[TupleRow], numbers: TicketNumbers, ids: IdBlocks) -> None:
        ConversationStatements.__init__(self, connection=connection)
        NumberStatements.__init__(self, connection=connection, ids=ids)
        self._numbers = numbers

    async def begin(self) -> None:
        """Choose plans that fit arrays of any length."""
        await self._rows("settings", {})

    async def move_offsets(self, log: LogPosition, moves: Sequence[MovedOffset]) -> bool:
        """Compare and set; False when any partition is not where it was expected: then nothing may be committed."""
        ordered = sorted(moves)
        parameters = {
            **log._asdict(),
            "partitions": [move.partition for move in ordered],
            "expected": [move.expected for move in ordered],
            "next_offsets": [move.next_offset for move in ordered],
        }
        return len(await self._rows("move_offsets", parameters)) == len(ordered)

    def ticket_number(self, ticket_id: int) -> str:
        """Give the public number of a ticket."""
        return self._numbers.number(ticket_id)

    async def claim_deliveries(self, keys: Mapping[bytes, int]) -> Mapping[bytes, int | None]:
        """Claim delivery keys for messages; give those that were taken before, with their message.

        The insert waits for a concurrent one of the same key, so the second statement sees what that one left.
        """
        parameters = {"keys": list(keys), "message_ids": list(keys.values())}
        claimed = {row[0] for row in await self._rows("claim_deliveries", parameters)}
        missing = [key for key in keys if key not in claimed]
        if not missing:
            return {}
        return {row[0]: row[1] for row in await self._rows("taken_deliveries", {"keys": missing})}

    async def lock_ids(self, keys: Collection[IdKey]) -> Sequence[ThreadRow]:
        """Create what is missing, then lock all, both in sorted order."""
        if not keys:
            return ()
        parameters = _ids(keys)
        await self._connection.execute(statement("routing", "insert_ids"), parameters)
        return [ThreadRow(*row) for row in await self._rows("lock_ids", parameters)]

    async def lock_matches(self, matches: Collection[bytes]) -> None:
        """Lock senders and subjects, behind the ids."""
        for name in ("insert_matches", "lock_matches"):
            await self._connection.execute(statement("routing", name), {"match_keys": sorted(matches)})

    async def reached_from(self, keys: Collection[IdKey]) -> Sequence[ReachedRow]:
        """Find held messages that answer messages with these own ids, transitively, with all their ids."""
        return [ReachedRow(*row) for row in await self._rows("reached_held", _ids(keys))]

    async def lock_held(self, message_ids: Collection[int]) -> Sequence[HeldMessageRow]:
        """Lock held messages; those that are not held any more are absent."""
        return [HeldMessageRow(*row) for row in await self._rows("lock_held", {"message_ids": sorted(message_ids)})]

    async def known(self, message_ids: Collection[int]) -> Sequence[KnownRow]:
        """Read messages."""
        return [KnownRow(*row) for row in await self._rows("known_messages", {"message_ids": sorted(message_ids)})]

    async def quoted(self, lookups: Collection[tuple[str, bytes, bytes]]) -> Sequence[QuotedRow]:
        """Read who quoted an id."""
        scopes, digests, address_keys = _columns(sorted(lookups))
        parameters = {"scopes": scopes, "digests": digests, "address_keys": address_keys}
        return [QuotedRow(*row) for row in await self._rows("quoted_ids", parameters)]

    async def open_matches(self, matches: Collection[bytes]) -> Sequence[int]:
        """Find open tickets by account, sender and subject: the latest few of each."""
        return [row[0] for row in await self._rows("open_matches", {"match_keys": sorted(matches)})]

    async def tickets_by_numbers(self, numbers: Collection[str]) -> Mapping[str, int]:
        """Find tickets by their public numbers."""
        return {row[0]: row[1] for row in await self._rows("tickets_by_numbers", {"numbers": sorted(numbers)})}

    async def spoken_on(self, ticket_ids: Collection[int]) -> Sequence[tuple[int, SpokenRow]]:
        """Read the latest messages on tickets, the newest first, each with its ticket's id."""
        rows = await self._rows("spoken_on", {"ticket_ids": sorted(ticket_ids)})
        return [(row[0], SpokenRow(*row[1:])) for row in rows]

    async def lock_sends(self, message_ids: Collection[int]) -> Sequence[SentRow]:
        """Lock messages of ours that were sent or shall be, and read them."""
        return [SentRow(*row) for row in await self._rows("lock_sends", {"message_ids": sorted(message_ids)})]

    async def old_ids(self, digests: Collection[bytes]) -> Sequence[OldIdRow]:
        """Find old desks' tickets by ids that their exports name."""
        return [OldIdRow(*row) for row in await self._rows("old_ids", {"digests": sorted(digests)})]

    async def old_tickets(self, keys: Collection[OldKey]) -> Sequence[OldTicketRow]:
        """Read old desks' tickets."""
        desks, numbers = _columns(sorted(keys))
        return [OldTicketRow(*row) for row in await self._rows("old_tickets", {"desks": desks, "numbers": numbers})]

    async def lock_tickets(self, ticket_ids: Collection[int]) -> Sequence[tuple[TicketRow, str | None]]:
        """Lock tickets, those into which they were merged, and open ones that follow any of them, by id."""
        followers = await self._rows("followers", {"ticket_ids": sorted(ticket_ids)})
        wanted = {*ticket_ids, *(row[0] for row in followers)}
        rows = await self._rows("lock_tickets", {"ticket_ids": sorted(wanted)})
        return [(TicketRow(*row[:-1]), row[-1]) for row in rows]

    async def participants(self, ticket_ids: Collection[int]) -> Sequence[ParticipantRow]:
        """Read who takes part in tickets."""
        return [ParticipantRow(*row) for row in await self._rows("participants", {"ticket_ids": sorted(ticket_ids)})]

    async def hold_anew(self, row: HoldRow) -> None:
        """Keep why a locked held message stays held now."""
        await self._connection.execute(statement("routing_write", "hold_anew"), row._asdict())

    async def revisable(self, message_ids: Collection[int], *, lock: bool) -> Sequence[RevisableRow]:
        """Read where messages stand, and who has read them; `lock` them, behind their tickets."""
        name = "lock_revisable" if lock else "revisable"
        return [RevisableRow(*row) for row in await self._rows(name, {"message_ids": sorted(message_ids)})]

    async def held_message(self, message_id: int) -> HeldMessageRow | None:
        """Read a held message without locking it; None if it is not held (any more)."""
        rows = await self._rows("held_message", {"id": message_id})
        return HeldMessageRow(*rows[0]) if rows else None

    async def whereabouts(self, message_id: int) -> tuple[str, str] | None:
        """Give a message's state and the number of its ticket ("" without one)."""
        rows = await self._rows("whereabouts", {"id": message_id})
        return (rows[0][0], rows[0][1]) if rows else None

    async def ticket_id(self, number: str) -> int | None:
        """Find a ticket by its public number."""
        rows = await self._rows("ticket_by_number", {"number": number})
        return rows[0][0] if rows else None

    async def looked_at(self, message_id: int) -> None:
        """Let a held message wait until there is something new."""
        await self._connection.execute(statement("routing_write", "looked_at"), {"id": message_id})

    async def look_later(self, message_id: int, at: datetime) -> None:
        """Let a held message that waits for a second look wait until then, unless something new comes before."""
        await self._connection.execute(statement("routing_write", "look_later"), {"id": message_id, "at": at})

    async def revive(self, dead_letter_id: int) -> bool:
        """Take an open dead letter out of the list; False when it is not there."""
        cursor = await self._connection.execute(statement("routing_write", "revive"), {"id": dead_letter_id})
        return await cursor.fetchone() is not None

    async def write(self, changes: Changes) -> None:
        """Write everything that was decided."""
        await Writer(connection=self._connection).write(changes)

    async def _rows(self, name: str, parameters: Mapping[str, object]) -> list[TupleRow]:
        cursor = await self._connection.execute(statement("routing", name), parameters)
        return await cursor.fetchall()


def _ids(keys: Iterable[IdKey]) -> dict[str, list[object]]:
    scopes, digests = _columns(sorted(keys))
    return {"scopes": scopes, "digests": digests}


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
