"""The topic log as the rest of the system sees it. Two engines satisfy it: `bus.kafka` and `bus.postgres`.

Offsets belong to whoever processes records: the router stores them in its own transaction and hands them back on
assignment. An engine never decides where to begin, and never skips.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Header = tuple[str, bytes]


class BusError(Exception):
    """Anything the bus can say."""


class BusUnavailableError(BusError):
    """The record is not stored and may be stored by trying later. Intake answers "later" (451, 503, no offset)."""


class RecordRefusedError(BusError):
    """The bus will never store this record (over the size limit). `index` is its place in the publish call."""

    def __init__(self, message: str, *, index: int) -> None:
        super().__init__(message)
        self.index = index


class PositionLostError(BusError):
    """The stored offset is out of range, or the log is not the one it was stored for.

    The partition stops and readiness turns red; nothing is skipped. `partition` names it, the message says what to do.
    """

    def __init__(self, message: str, *, topic: str, partition: int) -> None:
        super().__init__(message)
        self.topic = topic
        self.partition = partition


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """A record to be stored. `key` chooses the partition and only that."""

    key: bytes
    value: bytes
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A stored record. Offsets of one partition are dense and start at 0 unless retention removed the first."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple[Header, ...]
    stored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a published record stands."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPosition:
    """What the consumer's own store knows of one partition: the next offset to read, in which log."""

    next_offset: int
    log_identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionState:
    """First and next offset of one partition, and the time its oldest kept record was stored (None when empty)."""

    partition: int
    first_offset: int
    next_offset: int
    oldest_at: datetime | None = None


LoadPositions = Callable[[str, frozenset[int]], Awaitable[Mapping[int, StoredPosition]]]
"""Asked on every assignment, before the first fetch: topic and partitions -> stored positions (absent = earliest)."""


class Publisher(Protocol):
    """Stores records. Safe for many concurrent callers, whose records share batches."""

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> Sequence[Place]:
        """Store all records durably and say where they stand, in the order given.

        Raises `BusUnavailableError` when any may be missing (then some may be stored all the same: publishing again is
        safe because the router drops by delivery key), `RecordRefusedError` when one never will be.
        Cancelling the caller does not cancel a store that has begun.
        """
        ...


class Consumer(Protocol):
    """One member of a group reading one topic. Not for concurrent callers."""

    @property
    def log_identity(self) -> str:
        """Cluster and topic, as an opaque string; stored beside offsets."""
        ...

    async def fetch(self, *, max_records: int, max_wait: float) -> Sequence[Record]:
        """Give the next records of the assigned partitions: partitions ascending, offsets ascending, gapless.

        Waits at most `max_wait` seconds when there is none. Advances the in-memory position only. Partitions taken away
        since the last call no longer appear. Raises `PositionLostError` for a stopped partition (the others go on with
        the next call), `BusUnavailableError` while the log cannot be reached.
        """
        ...

    async def seek(self, positions: Mapping[int, int]) -> None:
        """Go back (or on) to these next offsets, for partitions still assigned; used after a refused transaction."""
        ...

    async def pause(self, partition: int) -> None:
        """Stop fetching one partition until it is assigned anew; the others go on."""
        ...

    async def mirror(self, positions: Mapping[int, int]) -> None:
        """Tell the log how far the store is, for lag tools and retention. Best effort; never a source of truth."""
        ...

    async def close(self) -> None:
        """Leave the group at once, so that others need not wait for a time-out."""
        ...


class Log(Protocol):
    """One engine: makes publishers and consumers, creates topics, answers questions about offsets."""

    async def ensure_topic(self, topic: str, *, partitions: int, retention_hours: float) -> None:
        """Create the topic if it is missing; raise the number of partitions if it is lower (never lower it).

        A key keeps its partition as long as every process asks for the same number.
        """
        ...

    async def publisher(self) -> Publisher:
        """Give the engine's publisher, started."""
        ...

    async def consumer(self, topic: str, *, group: str, load_positions: LoadPositions) -> Consumer:
        """Join the group; positions are loaded on each assignment before its first fetch."""
        ...

    async def partitions(self, topic: str) -> Sequence[PartitionState]:
        """State of every partition, ascending."""
        ...

    async def identity(self, topic: str) -> str:
        """Cluster and topic as an opaque string: differs when either was created anew."""
        ...

    async def ping(self) -> None:
        """Raise `BusUnavailableError` unless the log answers."""
        ...

    async def close(self) -> None:
        """Flush publishers and let go of every connection."""
        ...
