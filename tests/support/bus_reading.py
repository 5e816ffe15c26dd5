"""What tests of every log engine share: records to publish, and reading until enough has come."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from bus.port import Consumer, LoadPositions, Log, NewRecord, Record, StoredPosition

NewLog = Callable[[], Awaitable[Log]]
"""Makes another client of the same log, as another process would; the fixture closes them all."""

PATIENCE = 40.0
"""Seconds; a Kafka group on a busy machine takes a while to settle."""


def unique(name: str) -> str:
    """Give a topic or group name that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


def record(text: str, *, key: str = "key") -> NewRecord:
    """Give a small record."""
    return NewRecord(key=key.encode(), value=text.encode())


def records(count: int, *, name: str = "") -> list[NewRecord]:
    """Give records that spread over the partitions."""
    return [record(f"{name}{number}", key=f"{name}{number}") for number in range(count)]


def positions(stored: Mapping[int, StoredPosition] | None = None) -> LoadPositions:
    """Give a loader that always knows the same."""

    async def load(_topic: str, partitions: frozenset[int]) -> Mapping[int, StoredPosition]:
        return {number: place for number, place in (stored or {}).items() if number in partitions}

    return load


async def filled_topic(log: Log, *, partitions: int = 1, count: int = 0) -> str:
    """Make a topic with so many records."""
    topic = unique("topic")
    await log.ensure_topic(topic, partitions=partitions, retention_hours=24)
    if count:
        await (await log.publisher()).publish(topic, records(count))
    return topic


async def read(consumer: Consumer, count: int, *, max_records: int = 500) -> list[Record]:
    """Fetch until so many records have come."""
    found: list[Record] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found.extend(await consumer.fetch(max_records=max_records, max_wait=1.0))
    return found


async def read_nothing(consumer: Consumer, *, seconds: float = 1.5) -> None:
    """Fetch for a while, and nothing may come."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        assert list(await consumer.fetch(max_records=10, max_wait=0.2)) == []


def offsets(found: Iterable[Record]) -> dict[int, list[int]]:
    """Give the offsets of each partition as they came."""
    by_partition: dict[int, list[int]] = {}
    for item in found:
        by_partition.setdefault(item.partition, []).append(item.offset)
    return by_partition


def assert_gapless(found: Sequence[Record], *, start: int = 0) -> None:
    """Offsets of every partition rise by one from `start`."""
    for partition, seen in offsets(found).items():
        assert seen == list(range(start, start + len(seen))), f"partition {partition}"
