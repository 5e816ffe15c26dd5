"""The consuming half of the contract in `bus_contract`, which numbers the MUSTs."""

import asyncio
from collections.abc import Mapping

import pytest
from bus_reading import (
    PATIENCE,
    NewLog,
    assert_gapless,
    filled_topic,
    offsets,
    positions,
    read,
    read_nothing,
    record,
    records,
    unique,
)

from bus.port import Consumer, Log, PositionLostError, Record, StoredPosition


class ConsumerContract:
    """What a consumer promises."""

    async def test_must_9_positions_are_loaded_before_the_first_fetch(self, log: Log) -> None:
        topic = await filled_topic(log, count=10)
        identity = await log.identity(topic)
        asked = []

        async def load(name: str, partitions: frozenset[int]) -> Mapping[int, StoredPosition]:
            asked.append((name, partitions))
            return {0: StoredPosition(next_offset=7, log_identity=identity)}

        consumer = await log.consumer(topic, group=unique("group"), load_positions=load)
        found = await read(consumer, 3)
        assert asked == [(topic, frozenset({0}))]
        assert [item.offset for item in found] == [7, 8, 9]
        assert consumer.log_identity == identity

    async def test_must_9_no_stored_position_means_earliest(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=2, count=10)
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        assert_gapless(await read(consumer, 10))

    async def test_must_9_a_position_at_the_end_waits_for_what_comes(self, log: Log) -> None:
        topic = await filled_topic(log, count=3)
        stored = {0: StoredPosition(next_offset=3, log_identity=await log.identity(topic))}
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions(stored))
        await read_nothing(consumer)
        await (await log.publisher()).publish(topic, [record("new")])
        assert [item.value for item in await read(consumer, 1)] == [b"new"]

    async def test_must_10_seek_goes_back_and_on(self, log: Log) -> None:
        topic = await filled_topic(log, count=10)
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        await read(consumer, 10)
        await consumer.seek({0: 4})
        assert [item.offset for item in await read(consumer, 6)] == [4, 5, 6, 7, 8, 9]
        await consumer.seek({0: 9, 77: 3})
        assert [item.offset for item in await read(consumer, 1)] == [9]

    async def test_must_11_two_members_share_and_one_leaves(self, log: Log, new_log: NewLog) -> None:
        topic = await filled_topic(log, partitions=4)
        group = unique("group")
        other_log = await new_log()
        one = await log.consumer(topic, group=group, load_positions=positions())
        other = await other_log.consumer(topic, group=group, load_positions=positions())
        await _until_both_read(log, topic, one, other)
        await other.close()
        places = await (await log.publisher()).publish(topic, records(80, name="alone"))
        wanted = {(place.partition, place.offset) for place in places}
        async with asyncio.timeout(PATIENCE):
            while wanted:
                found = await one.fetch(max_records=100, max_wait=1.0)
                wanted -= {(item.partition, item.offset) for item in found}

    async def test_must_11_groups_do_not_share(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=2, count=10)
        for name in ("one", "other"):
            consumer = await log.consumer(topic, group=unique(name), load_positions=positions())
            assert len(await read(consumer, 10)) == 10

    async def test_must_12_an_offset_of_another_log_stops_its_partition_alone(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=2, count=40)
        stored = {1: StoredPosition(next_offset=1, log_identity="another log")}
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions(stored))
        await _meets_lost_position(consumer, topic, partition=1)
        found = await read(consumer, 1)
        assert set(offsets(found)) == {0}
        await (await log.publisher()).publish(topic, records(40, name="more"))
        assert set(offsets(await read(consumer, 5))) == {0}

    @pytest.mark.parametrize("offset", [11, 10_000])
    async def test_must_12_an_offset_out_of_range_stops_and_skips_nothing(self, log: Log, offset: int) -> None:
        topic = await filled_topic(log, count=10)
        stored = {0: StoredPosition(next_offset=offset, log_identity=await log.identity(topic))}
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions(stored))
        await _meets_lost_position(consumer, topic, partition=0)
        await (await log.publisher()).publish(topic, records(5, name="later"))
        await read_nothing(consumer)

    async def test_must_13_a_paused_partition_stays_silent(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=2, count=20)
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        await read(consumer, 20)
        await consumer.pause(1)
        places = await (await log.publisher()).publish(topic, records(40, name="later"))
        expected = sum(place.partition == 0 for place in places)
        assert set(offsets(await read(consumer, expected))) == {0}
        await read_nothing(consumer)

    async def test_must_15_fetch_keeps_to_max_records_in_order(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=3, count=100)
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        seen: list[Record] = []
        async with asyncio.timeout(PATIENCE):
            while len(seen) < 100:
                batch = list(await consumer.fetch(max_records=7, max_wait=1.0))
                assert len(batch) <= 7
                places = [(item.partition, item.offset) for item in batch]
                assert places == sorted(places)
                seen.extend(batch)
        assert_gapless(seen)

    async def test_must_15_fetch_waits_no_longer_than_told(self, log: Log) -> None:
        topic = await filled_topic(log, count=1)
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        await read(consumer, 1)
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert list(await consumer.fetch(max_records=10, max_wait=0.5)) == []
        assert 0.3 < loop.time() - began < 5

    async def test_must_15_fetch_wakes_up_for_a_new_record(self, log: Log) -> None:
        topic = await filled_topic(log, count=1)
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        await read(consumer, 1)
        waiting = asyncio.create_task(consumer.fetch(max_records=10, max_wait=30))
        await asyncio.sleep(0.1)
        await (await log.publisher()).publish(topic, [record("new")])
        async with asyncio.timeout(10):
            assert [item.value for item in await waiting] == [b"new"]

    async def test_must_16_mirror_is_no_source_of_truth(self, log: Log) -> None:
        topic = await filled_topic(log, count=10)
        group = unique("group")
        first = await log.consumer(topic, group=group, load_positions=positions())
        await read(first, 10)
        await first.mirror({0: 10})
        await first.close()
        second = await log.consumer(topic, group=group, load_positions=positions())
        assert [item.offset for item in await read(second, 10)] == list(range(10))

    async def test_a_consumer_may_be_closed_again(self, log: Log) -> None:
        topic = await filled_topic(log)
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        await consumer.close()
        await consumer.close()


async def _until_both_read(log: Log, topic: str, one: Consumer, other: Consumer) -> None:
    """Publish to all partitions until each member was given some that the other was not, in the same round."""
    publisher = await log.publisher()
    async with asyncio.timeout(PATIENCE):
        while True:
            await publisher.publish(topic, records(40))
            batches = await asyncio.gather(
                one.fetch(max_records=1000, max_wait=1.0), other.fetch(max_records=1000, max_wait=1.0)
            )
            mine, theirs = (set(offsets(batch)) for batch in batches)
            if mine and theirs and mine | theirs == {0, 1, 2, 3} and not mine & theirs:
                return


async def _meets_lost_position(consumer: Consumer, topic: str, *, partition: int) -> None:
    """Fetch until the stopped partition is reported."""
    with pytest.raises(PositionLostError) as caught:
        await _never_reads(consumer, partition)
    assert (caught.value.topic, caught.value.partition) == (topic, partition)


async def _never_reads(consumer: Consumer, partition: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await consumer.fetch(max_records=1, max_wait=0.5)
            assert partition not in offsets(found)
