"""A reader that was busy elsewhere gets what came meanwhile, not only what was fetched before it turned away."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from bus_reading import assert_gapless, filled_topic, offsets, positions, read, records, unique
from kafka_logs import kafka_log
from kafka_server import KafkaServer

from bus.kafka import KafkaLog

TRIES = 20
"""Rounds of which one must succeed: the client waits milliseconds for the broker, which a busy machine may take."""


@pytest.fixture
async def log(kafka: KafkaServer) -> AsyncIterator[KafkaLog]:
    log = kafka_log(kafka.bootstrap)
    yield log
    await log.close()


async def test_one_fetch_gives_what_was_fetched_before_and_what_came_since(log: KafkaLog) -> None:
    topic, publisher = await filled_topic(log, count=1), await log.publisher()
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
    await read(consumer, 1)
    following = 1
    for _ in range(TRIES):
        await publisher.publish(topic, records(1))
        await asyncio.sleep(0.1)  # it lies with the client now, which asks for nothing more
        await publisher.publish(topic, records(5))
        found = await consumer.fetch(max_records=500, max_wait=1.0)
        at_once = len(found) == 6
        found = [*found, *(await read(consumer, 6 - len(found)))]
        assert offsets(found) == {0: list(range(following, following + 6))}
        if at_once:
            return
        following += 6
    pytest.fail("every fetch gave only what lay there already")


async def test_a_fetch_never_gives_more_than_it_was_asked_for(log: KafkaLog) -> None:
    topic = await filled_topic(log, partitions=3, count=30)
    consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
    found = await read(consumer, 4, max_records=4)
    await asyncio.sleep(0.1)
    found += await consumer.fetch(max_records=7, max_wait=1.0)
    assert len(found) <= 11
    found += await read(consumer, 30 - len(found))
    assert_gapless(found)
    assert len(found) == 30
