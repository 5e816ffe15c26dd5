"""Small pieces that let rooms meet: what one room asks for, said in the words of another."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import psycopg
from psycopg_pool import PoolTimeout

from bus.port import BusUnavailableError, NewRecord, Publisher, RecordRefusedError, StoredPosition
from daemon.health import BUS, FUSE, PARTITION, STORE, Board
from daemon.wiring import GROUP
from router.positions import Positions
from router.relay import EventRefusedError, OutgoingRecord, SinkUnavailableError
from ticket_store.pool import Pool
from ticket_store.statements import statement

STORE_ERRORS = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    PoolTimeout,
    OSError,
)
"""Exceptions of the store that a later try may mend."""

_WORDS = {"inbound log": BUS, "router store": STORE, "router fuse": FUSE}


class BoardHealth:
    """The router's troubles on the process's board."""

    def __init__(self, *, board: Board) -> None:
        self._board = board

    def trouble(self, what: str, message: str) -> None:
        """Name a trouble of the router."""
        self._board.set(_WORDS.get(what, PARTITION), message, name=what)

    def well(self, what: str) -> None:
        """Say that it is over."""
        self._board.clear(_WORDS.get(what, PARTITION), name=what)


class StoredPositions:
    """Loads positions for a consumer of the bus. A store that does not answer counts as a bus that does not."""

    def __init__(self, *, positions: Positions) -> None:
        self._positions = positions

    async def __call__(self, topic: str, partitions: frozenset[int]) -> Mapping[int, StoredPosition]:
        """Give what the store knows of these partitions; see `bus.port.LoadPositions`."""
        if topic != self._positions.topic:
            raise ValueError(f"positions of {topic} asked, those of {self._positions.topic} are kept")
        found = await self.load(partitions)
        return {
            partition: StoredPosition(next_offset=offset, log_identity=identity)
            for partition, (offset, identity) in found.items()
        }

    async def load(self, partitions: Collection[int]) -> Mapping[int, tuple[int, str]]:
        """Read them, with the store's errors as the bus's."""
        try:
            return await self._positions.load(partitions)
        except STORE_ERRORS as error:
            raise BusUnavailableError(f"the stored offsets cannot be read: {type(error).__name__}") from error


class TopicSink:
    """The tickets topic for the relay."""

    def __init__(self, *, publisher: Publisher, topic: str) -> None:
        self._publisher = publisher
        self._topic = topic

    async def publish(self, records: Sequence[OutgoingRecord]) -> None:
        """Store all; see `router.relay.EventSink`."""
        new = [NewRecord(key=record.key, value=record.value, headers=record.headers) for record in records]
        try:
            await self._publisher.publish(self._topic, new)
        except RecordRefusedError as error:
            raise EventRefusedError(str(error), index=error.index) from error
        except BusUnavailableError as error:
            raise SinkUnavailableError(str(error)) from error


async def stored_offsets(pool: Pool, topic: str, partitions: Collection[int]) -> dict[int, int]:
    """Give the router's stored next offset of each partition that has one."""
    numbers = {"consumer": GROUP, "topic": topic, "partitions": sorted(partitions)}
    async with pool.connection(timeout=2) as connection:
        cursor = await connection.execute(statement("routing", "stored_positions"), numbers)
        return {partition: offset for partition, offset, _ in await cursor.fetchall()}


def seconds_since(moment: datetime | None, now: datetime) -> float:
    """Give the age of something; 0 when there is nothing."""
    return max(0.0, (now - moment).total_seconds()) if moment is not None else 0.0
