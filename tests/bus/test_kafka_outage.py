"""A broker that is killed or falls silent: nothing acknowledged is lost, waits are bounded, all goes on by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from bus_reading import PATIENCE, assert_gapless, filled_topic, positions, read, record
from kafka_broker import KafkaBroker
from kafka_logs import kafka_log

from bus.kafka import KafkaLog
from bus.port import BusUnavailableError, Consumer, Place, Publisher, Record

PUBLISH_TIMEOUT = 2.0


@pytest.fixture(scope="module")
def shared_broker(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Give one broker to all tests here: starting takes longer than most of them."""
    broker = KafkaBroker(jars=kafka_jars, folder=tmp_path_factory.mktemp("outage") / "broker")
    yield broker
    broker.stop()


@pytest.fixture
def kafka_broker(shared_broker: KafkaBroker) -> KafkaBroker:
    """Give it running, whatever the test before has done to it."""
    shared_broker.start()
    return shared_broker


@pytest.fixture
async def log(kafka_broker: KafkaBroker) -> AsyncIterator[KafkaLog]:
    log = kafka_log(kafka_broker.bootstrap, publish_timeout=PUBLISH_TIMEOUT, request_timeout=2.0)
    yield log
    await log.close()


async def until_stored(publisher: Publisher, topic: str, text: str) -> Sequence[Place]:
    """Publish as a platform does: again and again until it is told yes."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await publisher.publish(topic, [record(text, key=text)])
            except BusUnavailableError:
                await asyncio.sleep(0.1)


async def until_read(consumer: Consumer, wanted: set[tuple[int, int]]) -> list[Record]:
    """Fetch through an outage until all these places were read."""
    found: list[Record] = []
    async with asyncio.timeout(PATIENCE):
        while wanted - {(item.partition, item.offset) for item in found}:
            try:
                found.extend(await consumer.fetch(max_records=100, max_wait=0.5))
            except BusUnavailableError:
                await asyncio.sleep(0.1)
    return found


async def test_mail_keeps_coming_while_the_broker_is_killed(kafka_broker: KafkaBroker, log: KafkaLog) -> None:
    topic = await filled_topic(log, partitions=3)
    publisher = await log.publisher()
    consumer = await log.consumer(topic, group="router", load_positions=positions())
    stored: dict[tuple[int, int], str] = {}
    stop = asyncio.Event()

    async def sender(name: str) -> None:
        number = 0
        while not stop.is_set():
            text = f"{name}{number}"
            (place,) = await until_stored(publisher, topic, text)
            stored[place.partition, place.offset] = text
            number += 1
            await asyncio.sleep(0.01)

    senders = [asyncio.create_task(sender(name)) for name in "abcd"]
    await asyncio.sleep(0.5)
    kafka_broker.kill()
    await asyncio.to_thread(kafka_broker.start)
    await until_stored(publisher, topic, "after")
    stop.set()
    await asyncio.gather(*senders)
    found = await until_read(consumer, set(stored))
    assert_gapless(found)
    texts = {(item.partition, item.offset): item.value.decode() for item in found}
    assert {place: texts[place] for place in stored} == stored


async def test_while_the_broker_is_away_everything_says_so_in_time(kafka_broker: KafkaBroker, log: KafkaLog) -> None:
    topic = await filled_topic(log)
    publisher = await log.publisher()
    consumer = await log.consumer(topic, group="router", load_positions=positions())
    await publisher.publish(topic, [record("before")])
    assert len(await read(consumer, 1)) == 1
    kafka_broker.kill()
    await _says_unavailable(log, publisher, consumer, topic)
    await asyncio.to_thread(kafka_broker.start)
    (place,) = await until_stored(publisher, topic, "after")
    found = await until_read(consumer, {(place.partition, place.offset)})
    assert found[-1].value == b"after"
    assert_gapless(found, start=1)
    await log.ping()


async def test_a_silent_broker_is_noticed_in_time(kafka_broker: KafkaBroker, log: KafkaLog) -> None:
    topic = await filled_topic(log)
    publisher = await log.publisher()
    consumer = await log.consumer(topic, group="router", load_positions=positions())
    await publisher.publish(topic, [record("before")])
    assert len(await read(consumer, 1)) == 1
    kafka_broker.freeze()
    await _says_unavailable(log, publisher, consumer, topic)
    kafka_broker.thaw()
    (place,) = await until_stored(publisher, topic, "after")
    assert (await until_read(consumer, {(place.partition, place.offset)}))[-1].value == b"after"


async def test_closing_while_the_broker_is_away_does_not_hang(kafka_broker: KafkaBroker, log: KafkaLog) -> None:
    topic = await filled_topic(log)
    publisher = await log.publisher()
    await log.consumer(topic, group="router", load_positions=positions())
    kafka_broker.kill()
    waiting = asyncio.create_task(publisher.publish(topic, [record("lost")]))
    await asyncio.sleep(0.2)
    began = time.monotonic()
    await log.close()
    assert time.monotonic() - began < 30
    with pytest.raises(BusUnavailableError):
        await waiting


async def _says_unavailable(log: KafkaLog, publisher: Publisher, consumer: Consumer, topic: str) -> None:
    began = time.monotonic()
    with pytest.raises(BusUnavailableError):
        await publisher.publish(topic, [record("during")])
    assert time.monotonic() - began < PUBLISH_TIMEOUT + 15
    began = time.monotonic()
    with pytest.raises(BusUnavailableError):
        await log.ping()
    assert time.monotonic() - began < 15
    began = time.monotonic()
    with pytest.raises(BusUnavailableError):
        await consumer.fetch(max_records=10, max_wait=0.5)
    assert time.monotonic() - began < 20
