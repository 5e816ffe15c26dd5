"""Publishing to Kafka: sizes, compression, shared batches, what a topic is created with."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from bus_reading import filled_topic, positions, read, record, records, unique
from kafka_admin import add_partitions, create_topic, topic_settings
from kafka_logs import kafka_log
from kafka_server import KafkaServer

from bus.kafka import KafkaLog
from bus.kafka_publisher import ByteBudget, record_size
from bus.port import BusError, BusUnavailableError, NewRecord, RecordRefusedError

LIMIT = 100_000


@pytest.fixture
async def log(kafka: KafkaServer) -> AsyncIterator[KafkaLog]:
    log = kafka_log(kafka.bootstrap, max_record_bytes=LIMIT)
    yield log
    await log.close()


async def test_the_largest_allowed_record_is_stored_even_when_it_cannot_be_compressed(log: KafkaLog) -> None:
    topic = await filled_topic(log)
    overhead = record_size(NewRecord(key=b"k", value=b""))
    largest = NewRecord(key=b"k", value=os.urandom(LIMIT - overhead))
    await (await log.publisher()).publish(topic, [largest])
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
    assert [item.value for item in await read(consumer, 1)] == [largest.value]


async def test_one_byte_more_is_refused_and_nothing_of_the_call_is_stored(log: KafkaLog) -> None:
    topic = await filled_topic(log)
    overhead = record_size(NewRecord(key=b"k", value=b""))
    too_large = NewRecord(key=b"k", value=b"x" * (LIMIT - overhead + 1))
    with pytest.raises(RecordRefusedError, match="limit is 100000") as caught:
        await (await log.publisher()).publish(topic, [record("a"), record("b"), too_large])
    assert caught.value.index == 2
    (state,) = await log.partitions(topic)
    assert state.next_offset == 0


async def test_a_topic_with_a_lower_limit_refuses_only_what_is_too_large_alone(
    kafka: KafkaServer, log: KafkaLog, kafka_topic: str
) -> None:
    await create_topic(kafka.bootstrap, kafka_topic, max_message_bytes="2000")
    publisher = await log.publisher()
    small = [NewRecord(key=b"k", value=os.urandom(500)) for _ in range(20)]
    async with asyncio.timeout(20):
        assert len(await publisher.publish(kafka_topic, small)) == 20
        with pytest.raises(RecordRefusedError, match=r"max\.message\.bytes") as caught:
            await publisher.publish(kafka_topic, [*small[:2], NewRecord(key=b"k", value=os.urandom(5000))])
        assert caught.value.index == 2
        assert len(await publisher.publish(kafka_topic, small[:1])) == 1


@pytest.mark.parametrize("compression", ["lz4", "zstd", "none"])
async def test_records_are_readable_whatever_compresses_them(kafka: KafkaServer, compression: str) -> None:
    log = kafka_log(kafka.bootstrap, compression=compression)
    topic = await filled_topic(log, count=200)
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
    assert {item.value for item in await read(consumer, 200)} == {item.value for item in records(200)}
    await log.close()


async def test_a_topic_is_created_as_asked(kafka: KafkaServer, log: KafkaLog) -> None:
    topic = unique("topic")
    await log.ensure_topic(topic, partitions=2, retention_hours=14 * 24)
    found = await topic_settings(kafka.bootstrap, topic)
    assert found["retention.ms"] == str(14 * 24 * 3600 * 1000)
    assert found["min.insync.replicas"] == "1"
    assert found["message.timestamp.type"] == "LogAppendTime"
    assert found["cleanup.policy"] == "delete"


async def test_two_processes_may_create_a_topic_at_once(kafka: KafkaServer, log: KafkaLog) -> None:
    other = kafka_log(kafka.bootstrap)
    topic = unique("topic")
    for partitions in (2, 4):
        await asyncio.gather(
            *(each.ensure_topic(topic, partitions=partitions, retention_hours=1) for each in (log, other, log))
        )
        assert len(await log.partitions(topic)) == partitions
    await other.close()


async def test_a_key_keeps_its_partition_when_somebody_else_adds_some(kafka: KafkaServer, log: KafkaLog) -> None:
    topic = await filled_topic(log, partitions=3)
    before = [place.partition for place in await (await log.publisher()).publish(topic, records(50))]
    await add_partitions(kafka.bootstrap, topic, 7)
    later = kafka_log(kafka.bootstrap)
    await later.ensure_topic(topic, partitions=3, retention_hours=1)
    for each in (log, later):
        places = await (await each.publisher()).publish(topic, records(50))
        assert [place.partition for place in places] == before
    await later.close()


async def test_more_copies_than_brokers_is_an_error_that_says_so(kafka: KafkaServer) -> None:
    log = kafka_log(kafka.bootstrap, replication_factor=300)
    with pytest.raises(BusError, match=r"(?i)replication") as caught:
        await log.ensure_topic(unique("topic"), partitions=1, retention_hours=1)
    assert not isinstance(caught.value, BusUnavailableError)
    await log.close()


async def test_a_topic_that_nobody_created_is_not_created_by_publishing(kafka: KafkaServer, kafka_topic: str) -> None:
    log = kafka_log(kafka.bootstrap, publish_timeout=0.5)
    with pytest.raises(BusUnavailableError):
        await (await log.publisher()).publish(kafka_topic, [record("lost")])
    with pytest.raises(BusUnavailableError, match="does not exist"):
        await log.partitions(kafka_topic)
    await log.close()


async def test_a_producer_that_never_learns_of_a_partition_is_made_anew_and_says_yes_to_nothing(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await filled_topic(log, partitions=1)
    publisher = await log.publisher()
    deaf = publisher._producer
    monkeypatch.setattr("bus.kafka_publisher.LOST_SECONDS", 0.0)
    monkeypatch.setattr(log._spread, "_choose", lambda *_: 1)
    for _ in range(2):
        with pytest.raises(BusUnavailableError, match="not known yet"):
            await publisher.publish(topic, [record("later")])
        await asyncio.sleep(0.01)
    assert publisher._producer is not deaf
    (state,) = await log.partitions(topic)
    assert state.next_offset == 0
    monkeypatch.undo()
    assert len(await publisher.publish(topic, [record("now")])) == 1


async def test_a_cancelled_caller_does_not_cancel_its_store(log: KafkaLog) -> None:
    topic = await filled_topic(log)
    publisher = await log.publisher()
    storing = asyncio.create_task(publisher.publish(topic, [record("kept")]))
    await asyncio.sleep(0)
    storing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await storing
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
    assert [item.value for item in await read(consumer, 1)] == [b"kept"]


async def test_the_budget_lets_a_caller_in_when_another_leaves() -> None:
    budget = ByteBudget(limit=100)
    order = []

    async def hold(name: str, size: int) -> None:
        async with budget.hold(size):
            order.append(name)
            await asyncio.sleep(0.01)
            order.append(f"-{name}")

    await asyncio.gather(hold("large", 500), hold("half", 50), hold("other half", 50))
    assert order == ["large", "-large", "half", "other half", "-half", "-other half"]
