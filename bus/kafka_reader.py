"""Reading partitions of one topic from positions that the caller gives. It knows no group and stores no offsets."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from bus.kafka_settings import KafkaSettings, client_options
from bus.kafka_trouble import Janitor, answers_within, let_go
from bus.port import BusUnavailableError, Record

MAX_FETCH_BYTES = 16 * 1024 * 1024
MAX_PARTITION_BYTES = 1024 * 1024
"""What is read ahead of one partition, in bytes; a larger record comes alone."""
AT_ONCE = 0.001
"""Seconds. What is given sooner was fetched while the caller did something else."""
TOP_UP_MS = 10
"""For what came since: the client asks a broker for nothing while something of that broker's is not taken."""


class OutOfRangeError(Exception):
    """Kafka no longer has, or not yet, what stands at these positions; their partitions are paused."""

    def __init__(self, partitions: Mapping[int, int]) -> None:
        super().__init__(f"out of range: {dict(partitions)}")
        self.partitions = partitions


class KafkaReader:
    """Fetches ahead from assigned partitions; `position` is what the caller will be given next."""

    def __init__(self, *, settings: KafkaSettings, topic: str, janitor: Janitor) -> None:
        self._settings = settings
        self._janitor = janitor
        self._topic = topic
        self._positions: dict[int, int] = {}
        self._paused: set[int] = set()
        self._consumer = AIOKafkaConsumer(
            **client_options(settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_uncommitted",
            fetch_max_bytes=MAX_FETCH_BYTES,
            max_partition_fetch_bytes=MAX_PARTITION_BYTES,
        )

    async def start(self) -> None:
        """Connect. Raises `BusUnavailableError`."""
        patience = self._settings.request_timeout
        async with answers_within(patience):
            await self._janitor.start(self._consumer.start(), self._consumer.stop, patience=patience)

    def assign(self, positions: Mapping[int, int]) -> None:
        """Read these partitions from these offsets, and nothing else; all of them unpaused."""
        for partition in self._positions:
            self._consumer.pause(self._at(partition))
        self._positions = dict(positions)
        self._paused = set()
        if not positions:
            return  # the client takes an empty assignment for interest in every topic
        self._consumer.assign([self._at(partition) for partition in positions])
        for partition, offset in positions.items():  # no await since assign: nothing is fetched from elsewhere
            self._consumer.seek(self._at(partition), offset)

    def seek(self, positions: Mapping[int, int]) -> None:
        """Go on from these offsets, as far as their partitions are assigned."""
        for partition, offset in positions.items():
            if partition in self._positions:
                self._positions[partition] = offset
                self._consumer.seek(self._at(partition), offset)

    def pause(self, partition: int) -> None:
        """Stop reading one partition."""
        if partition in self._positions:
            self._paused.add(partition)
            self._consumer.pause(self._at(partition))

    @property
    def assigned(self) -> frozenset[int]:
        """All assigned partitions, paused ones too."""
        return frozenset(self._positions)

    @property
    def active(self) -> bool:
        """Whether there is a partition to read."""
        return bool(self._positions.keys() - self._paused)

    async def read(self, *, max_records: int, max_wait: float) -> list[Record]:
        """Give records, partitions ascending; none when there is none in time. The positions do not move: see `keep`.

        Raises `OutOfRangeError`, `BusUnavailableError`.
        """
        began = time.perf_counter()
        records = await self._get(timeout_ms=round(max_wait * 1000), max_records=max_records)
        if records and len(records) < max_records and time.perf_counter() - began < AT_ONCE:
            try:
                records += await self._get(timeout_ms=TOP_UP_MS, max_records=max_records - len(records))
            except (OutOfRangeError, BusUnavailableError):
                self.rewind()  # the first records have not been given to anybody
                raise
            records.sort(key=lambda record: record.partition)  # stable: each partition's order stays
        return records

    async def _get(self, *, timeout_ms: int, max_records: int) -> list[Record]:
        try:
            batches = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
        except OffsetOutOfRangeError as error:
            raise OutOfRangeError(self._stop_at(error)) from error
        except KafkaError as error:
            raise BusUnavailableError(f"reading {self._topic}: {type(error).__name__}") from error
        wanted = self._positions.keys() - self._paused
        return [_record(each) for at in sorted(batches) if at.partition in wanted for each in batches[at]]

    def keep(self, records: Sequence[Record]) -> None:
        """Move the positions behind records that go to the caller."""
        for record in records:
            self._positions[record.partition] = record.offset + 1

    def rewind(self) -> None:
        """Read again what was read and not kept."""
        self.seek(dict(self._positions))

    async def close(self) -> None:
        """Disconnect."""
        await let_go(self._consumer.stop())

    def _stop_at(self, error: OffsetOutOfRangeError) -> dict[int, int]:
        lost = {at.partition: offset for at, offset in error.args[0].items()}
        for partition in lost:
            self.pause(partition)
        return lost

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


def _record(found: Any) -> Record:  # noqa: ANN401 - aiokafka ships no types
    return Record(
        topic=found.topic,
        partition=found.partition,
        offset=found.offset,
        key=found.key or b"",
        value=found.value or b"",
        headers=tuple(found.headers),
        stored_at=datetime.fromtimestamp(found.timestamp / 1000, UTC),
    )
