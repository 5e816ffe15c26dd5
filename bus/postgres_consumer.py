"""A consumer of the PostgreSQL log: exact ranges of its partitions, read from positions held in memory."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg.rows import DictRow

from bus.port import BusError, BusUnavailableError, LoadPositions, PositionLostError, Record, StoredPosition
from bus.postgres_append import decode_headers
from bus.postgres_group import Membership
from bus.postgres_session import Session
from bus.postgres_statements import log_statement
from bus.postgres_topics import Topic

MAX_FETCH_BYTES = 16 * 1024 * 1024
LOOK_SECONDS = 1.0
"""Hints may be lost, so look this often."""

Range = tuple[int, int, int]
"""Partition, first offset and the offset after the last."""


@dataclass(slots=True)
class _Reading:
    """One assigned partition. `position` is None until the partition's first offset is known; stopped ones wait."""

    epoch: int
    position: int | None
    stopped: bool = False


class PostgresConsumer:
    """One member of a group; see `bus.port.Consumer`."""

    def __init__(
        self, *, topic: Topic, group: str, membership: Membership, session: Session, load_positions: LoadPositions
    ) -> None:
        self._topic = topic
        self._group = group
        self._membership = membership
        self._session = session
        self._load = load_positions
        self._readings: dict[int, _Reading] = {}
        self._lost: list[PositionLostError] = []
        self._turn = 0
        self._closed = False

    @property
    def log_identity(self) -> str:
        """Cluster and topic."""
        return self._topic.identity

    async def fetch(self, *, max_records: int, max_wait: float) -> Sequence[Record]:
        """Give the next records, waiting at most `max_wait` seconds for the first."""
        loop = asyncio.get_running_loop()
        until = loop.time() + max_wait
        while True:
            if self._closed:
                raise BusUnavailableError("the consumer is closed")
            self._membership.hint.clear()  # before looking: what comes later sets it again
            records = await self._look(max_records)
            left = until - loop.time()
            if records or left <= 0:
                return records
            await self._wait(min(left, LOOK_SECONDS))

    async def seek(self, positions: Mapping[int, int]) -> None:
        """Move positions of partitions still assigned; a stopped one stays stopped."""
        for partition, position in positions.items():
            if partition in self._readings:
                self._readings[partition].position = position

    async def pause(self, partition: int) -> None:
        """Stop one partition until it is assigned anew."""
        if partition in self._readings:
            self._readings[partition].stopped = True

    async def mirror(self, positions: Mapping[int, int]) -> None:
        """Note how far the group is, for lag tools; trouble is nothing."""
        given = {"partitions": list(positions), "offsets": list(positions.values())}
        where = {"topic_id": self._topic.id, "group_name": self._group}
        try:
            await self._session.rows(log_statement("mirror"), {**where, **given})
        except BusError:
            return

    async def close(self) -> None:
        """Leave the group at once. Calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self._readings = {}
            self._membership.hint.set()
            await self._membership.leave()
            await self._session.close()

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._membership.hint.wait(), seconds)
        except TimeoutError:
            return

    async def _look(self, max_records: int) -> list[Record]:
        await self._follow_assignment()
        ranges = await self._ranges(max_records)
        if self._lost:
            raise self._lost.pop(0)
        return await self._read(ranges) if ranges else []

    async def _follow_assignment(self) -> None:
        """Drop what was taken away; load positions of what is new."""
        held = self._membership.held()
        self._readings = {
            number: reading for number, reading in self._readings.items() if held.get(number) == reading.epoch
        }
        new = frozenset(held) - self._readings.keys()
        if new:
            stored = await self._load(self._topic.name, new)
            for number in sorted(new):
                self._begin(number, held[number], stored.get(number))

    def _begin(self, partition: int, epoch: int, stored: StoredPosition | None) -> None:
        reading = _Reading(epoch=epoch, position=stored.next_offset if stored else None)
        self._readings[partition] = reading
        if stored is not None and stored.log_identity != self._topic.identity:
            self._stop(partition, reading, "its offset was stored for another log")

    def _stop(self, partition: int, reading: _Reading, why: str) -> None:
        reading.stopped = True
        advice = "nothing was skipped; point at the right log, or set the stored offset, then restart"
        message = f"{self._topic.name} partition {partition}: {why}; {advice}"
        self._lost.append(PositionLostError(message, topic=self._topic.name, partition=partition))

    async def _ranges(self, max_records: int) -> list[Range]:
        """Share `max_records` among partitions that have some, beginning with another one each time."""
        active = sorted(number for number, reading in self._readings.items() if not reading.stopped)
        if not active:
            return []
        where = {"topic_id": self._topic.id, "partitions": active}
        known = {row["partition"]: row for row in await self._session.rows(log_statement("offsets"), where)}
        self._turn += 1
        start = self._turn % len(active)
        waiting = [self._available(number, known.get(number)) for number in active[start:] + active[:start]]
        return _shared_out([found for found in waiting if found], max_records)

    def _available(self, partition: int, known: DictRow | None) -> Range | None:
        reading = self._readings.get(partition)
        if reading is None or reading.stopped:
            return None
        if known is None:
            self._stop(partition, reading, "it was removed from the log")
            return None
        first, following = known["first_offset"], known["next_offset"]
        if reading.position is None:
            reading.position = first
        if not first <= reading.position <= following:
            self._stop(partition, reading, f"offset {reading.position} is not within {first}..{following}")
            return None
        return (partition, reading.position, following) if reading.position < following else None

    async def _read(self, ranges: Sequence[Range]) -> list[Record]:
        partitions, firsts, untils = (list(column) for column in zip(*ranges, strict=True))
        rows = await self._session.rows(
            log_statement("read"),
            {
                "topic_id": self._topic.id,
                "partitions": partitions,
                "firsts": firsts,
                "untils": untils,
                "max_bytes": MAX_FETCH_BYTES,
            },
        )
        held = self._membership.held()
        records = [self._record(row) for row in rows if self._advance(row["partition"], row["offset"], held)]
        self._check_first(ranges[0])
        return records

    def _advance(self, partition: int, offset: int, held: Mapping[int, int]) -> bool:
        """Move past a record if it is the next one of a partition that was not taken away meanwhile."""
        reading = self._readings.get(partition)
        if reading is None or reading.position != offset or held.get(partition) != reading.epoch:
            return False
        reading.position = offset + 1
        return True

    def _check_first(self, wanted: Range) -> None:
        """Stop a partition whose next record is gone: the first range always gives its first record."""
        partition, first, _ = wanted
        reading = self._readings.get(partition)
        mine = reading is not None and self._membership.held().get(partition) == reading.epoch
        if reading is not None and mine and reading.position == first:
            self._stop(partition, reading, f"the record at offset {first} is missing")

    def _record(self, row: DictRow) -> Record:
        return Record(
            topic=self._topic.name,
            partition=row["partition"],
            offset=row["offset"],
            key=row["key"],
            value=row["value"],
            headers=decode_headers(row["headers"]),
            stored_at=row["stored_at"],
        )


def _shared_out(waiting: Sequence[Range], max_records: int) -> list[Range]:
    """Cut the ranges so that together they hold at most `max_records`, giving each a fair part first."""
    left = max_records
    shared = []
    for index, (partition, first, until) in enumerate(sorted(waiting, key=lambda found: found[2] - found[1])):
        part = max(1, left // (len(waiting) - index))
        taken = min(until - first, part, left)
        if taken:
            shared.append((partition, first, first + taken))
        left -= taken
    order = {partition: place for place, (partition, _, _) in enumerate(waiting)}
    return sorted(shared, key=lambda found: order[found[0]])
