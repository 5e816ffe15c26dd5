"""Stored offsets that lost their meaning stop the partition; groups hand partitions over without a gap."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from bus_reading import PATIENCE, assert_gapless, filled_topic, offsets, positions, read, records, unique
from kafka_admin import delete_records, delete_topic
from kafka_logs import kafka_log
from kafka_server import KafkaServer

from bus.kafka import KafkaLog
from bus.port import Consumer, PositionLostError, StoredPosition


@pytest.fixture
async def log(kafka: KafkaServer) -> AsyncIterator[KafkaLog]:
    log = kafka_log(kafka.bootstrap)
    yield log
    await log.close()


class OffsetStore:
    """What the router's database does: compare-and-set, so that only one consumer's work counts."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self.next: dict[int, int] = {}
        self.taken: list[tuple[int, int]] = []
        self._wanted: tuple[int, asyncio.Event] | None = None

    async def load(self, _topic: str, partitions: frozenset[int]) -> Mapping[int, StoredPosition]:
        return {
            number: StoredPosition(next_offset=offset, log_identity=self._identity)
            for number, offset in self.next.items()
            if number in partitions
        }

    def set_when_taken(self, count: int, event: asyncio.Event) -> None:
        """Set the event once so many records were taken."""
        self._wanted = (count, event)
        self.take({})

    def take(self, found: Mapping[int, list[int]]) -> dict[int, int]:
        """Store what goes on exactly where the store stands; give the positions to go back to for the rest."""
        back = {}
        for partition, seen in found.items():
            if seen[0] != self.next.get(partition, 0):
                back[partition] = self.next.get(partition, 0)
                continue
            assert seen == list(range(seen[0], seen[0] + len(seen)))
            self.taken.extend((partition, offset) for offset in seen)
            self.next[partition] = seen[-1] + 1
        if self._wanted and len(self.taken) >= self._wanted[0]:
            self._wanted[1].set()
        return back


async def work(consumer: Consumer, store: OffsetStore, stop: asyncio.Event) -> set[int]:
    """Be a router: fetch, store by compare-and-set, go back where refused."""
    mine: set[int] = set()
    while not stop.is_set():
        found = await consumer.fetch(max_records=7, max_wait=0.2)
        back = store.take(offsets(found))
        await consumer.seek(back)
        mine |= {item.partition for item in found}
    return mine


async def test_members_come_and_go_and_no_record_is_missed_or_taken_twice(log: KafkaLog, kafka: KafkaServer) -> None:
    topic = await filled_topic(log, partitions=4)
    store, group = OffsetStore(await log.identity(topic)), unique("group")
    publisher = await log.publisher()
    first = await log.consumer(topic, group=group, load_positions=store.load)
    stop_first, stop_second = asyncio.Event(), asyncio.Event()
    one = asyncio.create_task(work(first, store, stop_first))
    await publisher.publish(topic, records(200, name="a"))
    all_taken = asyncio.Event()
    store.set_when_taken(200, all_taken)
    async with asyncio.timeout(PATIENCE):
        await all_taken.wait()
    second_log = kafka_log(kafka.bootstrap)
    second = await second_log.consumer(topic, group=group, load_positions=store.load)
    other = asyncio.create_task(work(second, store, stop_second))
    for turn in range(6):
        await publisher.publish(topic, records(100, name=f"b{turn}-"))
        await asyncio.sleep(0.5)
    stop_first.set()
    assert await one == {0, 1, 2, 3}
    await first.close()
    await publisher.publish(topic, records(100, name="c"))
    total = sum(state.next_offset for state in await log.partitions(topic))
    store.set_when_taken(total, stop_second)
    async with asyncio.timeout(PATIENCE):
        assert await other == {0, 1, 2, 3}
    await second_log.close()
    assert len(store.taken) == len(set(store.taken)) == total == 900


async def test_a_partition_given_back_begins_at_the_position_loaded_anew(log: KafkaLog, kafka: KafkaServer) -> None:
    topic = await filled_topic(log, partitions=2, count=40)
    store, group = OffsetStore(await log.identity(topic)), unique("group")
    consumer = await log.consumer(topic, group=group, load_positions=store.load)
    before = await read(consumer, 10, max_records=10)
    assert before  # fetched and never stored: the store still says earliest
    other_log = kafka_log(kafka.bootstrap)
    other = await other_log.consumer(topic, group=group, load_positions=store.load)
    async with asyncio.timeout(PATIENCE):
        while not await other.fetch(max_records=1, max_wait=0.2):
            await consumer.fetch(max_records=1, max_wait=0.2)
    await other_log.close()
    await _reads_the_first_again(consumer)


async def test_a_topic_made_anew_stops_a_running_consumer(log: KafkaLog, kafka: KafkaServer) -> None:
    topic = await filled_topic(log, count=10)
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
    await read(consumer, 4, max_records=4)
    before = consumer.log_identity
    await delete_topic(kafka.bootstrap, topic)
    await log.ensure_topic(topic, partitions=1, retention_hours=1)
    await (await log.publisher()).publish(topic, records(20, name="new"))
    with pytest.raises(PositionLostError, match="another log"):
        await _never_reads(consumer)
    assert await log.identity(topic) != before


async def test_a_topic_made_anew_stops_the_next_consumer(log: KafkaLog, kafka: KafkaServer) -> None:
    topic = await filled_topic(log, count=10)
    stored = {0: StoredPosition(next_offset=5, log_identity=await log.identity(topic))}
    await delete_topic(kafka.bootstrap, topic)
    await log.ensure_topic(topic, partitions=1, retention_hours=1)
    await (await log.publisher()).publish(topic, records(20, name="new"))
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions(stored))
    with pytest.raises(PositionLostError, match="another log"):
        await _never_reads(consumer)


async def test_retention_that_passes_a_stored_offset_stops_the_partition(log: KafkaLog, kafka: KafkaServer) -> None:
    topic = await filled_topic(log, count=10)
    await delete_records(kafka.bootstrap, topic, {0: 6})
    (state,) = await log.partitions(topic)
    assert (state.first_offset, state.next_offset) == (6, 10)
    stored = {0: StoredPosition(next_offset=5, log_identity=await log.identity(topic))}
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions(stored))
    with pytest.raises(PositionLostError, match="6 to 10"):
        await _never_reads(consumer)


async def test_retention_that_overtakes_a_running_consumer_stops_that_partition_alone(
    log: KafkaLog, kafka: KafkaServer
) -> None:
    topic = await filled_topic(log, partitions=2, count=20)
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
    await read(consumer, 20)
    await delete_records(kafka.bootstrap, topic, {0: 3})
    await consumer.seek({0: 0, 1: 0})
    with pytest.raises(PositionLostError) as caught:
        await _never_reads(consumer, partition=0)
    assert caught.value.partition == 0
    await (await log.publisher()).publish(topic, records(20, name="more"))
    assert set(offsets(await read(consumer, 5))) == {1}


async def test_without_a_stored_offset_reading_begins_at_what_retention_left(log: KafkaLog, kafka: KafkaServer) -> None:
    topic = await filled_topic(log, count=10)
    await delete_records(kafka.bootstrap, topic, {0: 6})
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
    assert_gapless(await read(consumer, 4), start=6)


async def test_a_cancelled_fetch_loses_nothing(log: KafkaLog) -> None:
    topic = await filled_topic(log, count=50)
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
    found = await read(consumer, 5, max_records=5)
    for turn in range(20):
        fetching = asyncio.create_task(consumer.fetch(max_records=3, max_wait=1.0))
        await asyncio.sleep(turn * 0.0004)
        fetching.cancel()
        done = await asyncio.gather(fetching, return_exceptions=True)
        found.extend(done[0] if isinstance(done[0], list) else [])
    assert_gapless(found + await read(consumer, 50 - len(found)))


async def test_a_failing_store_is_asked_again(log: KafkaLog) -> None:
    topic = await filled_topic(log, count=3)
    asked = []

    async def load(_topic: str, partitions: frozenset[int]) -> Mapping[int, StoredPosition]:
        asked.append(partitions)
        if len(asked) == 1:
            raise ConnectionError("the database is away")
        return {}

    consumer = await log.consumer(topic, group=unique("group"), load_positions=load)
    with pytest.raises(ConnectionError):
        await read(consumer, 1)
    assert_gapless(await read(consumer, 3))


async def _never_reads(consumer: Consumer, *, partition: int = 0) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await consumer.fetch(max_records=1, max_wait=0.3)
            assert partition not in offsets(found)


async def _reads_the_first_again(consumer: Consumer) -> None:
    """Fetch until both partitions have given their first record; one that went on from memory never does."""
    begun: set[int] = set()
    async with asyncio.timeout(PATIENCE):
        while begun != {0, 1}:
            found = await consumer.fetch(max_records=100, max_wait=0.3)
            begun |= {item.partition for item in found if item.offset == 0}
