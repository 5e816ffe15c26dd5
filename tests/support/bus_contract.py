"""The contract of `bus.port`, run by every engine: a subclass in a test module and a fixture `new_log` there.

MUST 1   offsets of a partition are dense and begin at 0
MUST 2   a record comes back byte for byte
MUST 3   what one caller publishes keeps its order in a partition
MUST 4   a key chooses its partition and only that, the same in every process
MUST 5   publish returns the places where the records stand, whoever else publishes
MUST 6   cancelling a caller neither cancels a store that has begun nor harms others
MUST 7   a record that is never stored is refused by its index; other publishes go through
MUST 8   a reader sees no gap while others commit
MUST 9   positions are loaded on each assignment before the first fetch; absent is earliest
MUST 10  seek moves the position of an assigned partition
MUST 11  members of a group share the partitions; who leaves is replaced at once
MUST 12  another log's offset, or one out of range, stops its partition and nothing else; nothing is skipped
MUST 13  a paused partition stays silent, the others go on
MUST 14  the number of partitions can be raised, and never falls
MUST 15  fetch keeps to max_records and max_wait, and gives partitions and offsets ascending
MUST 16  mirror is no source of truth
MUST 17  ping answers; close may be called again; a closed log stores nothing
"""

import asyncio

import pytest
from bus_contract_consumer import ConsumerContract
from bus_reading import NewLog, assert_gapless, filled_topic, positions, read, record, records, unique

from bus.port import BusUnavailableError, Log, NewRecord, RecordRefusedError


class LogContract(ConsumerContract):
    """Everything `bus.port` promises. `over_limit_bytes` is a value that the engine under test refuses."""

    over_limit_bytes = 9 * 1024 * 1024

    @pytest.fixture
    async def log(self, new_log: NewLog) -> Log:
        return await new_log()

    async def test_must_1_offsets_are_dense_and_begin_at_zero(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=3)
        publisher = await log.publisher()
        places = [place for _ in range(4) for place in await publisher.publish(topic, records(10))]
        for partition in {place.partition for place in places}:
            offsets = [place.offset for place in places if place.partition == partition]
            assert offsets == list(range(len(offsets)))

    @pytest.mark.parametrize(
        "given",
        [
            NewRecord(key=b"", value=b""),
            NewRecord(key=b"\x00\xff", value=bytes(range(256))),
            NewRecord(key=b"k", value=b"v", headers=(("schema", b"inbound-message/1.0"), ("schema", b"again"))),
            NewRecord(key=b"k", value=b"v", headers=(("empty", b""), ("binary", b"\x00\xfe\xff"), ("\u043a", b"1"))),
            NewRecord(key=b"k", value=b"x" * 300_000),
        ],
        ids=["empty", "binary", "headers twice", "odd headers", "large"],
    )
    async def test_must_2_a_record_comes_back_byte_for_byte(self, log: Log, given: NewRecord) -> None:
        topic = await filled_topic(log)
        await (await log.publisher()).publish(topic, [given])
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        (found,) = await read(consumer, 1)
        assert (found.key, found.value, found.headers) == (given.key, given.value, given.headers)
        assert (found.topic, found.partition, found.offset) == (topic, 0, 0)
        assert found.stored_at.tzinfo is not None

    async def test_must_3_what_one_caller_publishes_keeps_its_order(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=2)
        publisher = await log.publisher()
        for start in range(0, 60, 20):
            await publisher.publish(topic, [record(str(n), key=str(n % 7)) for n in range(start, start + 20)])
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        found = await read(consumer, 60)
        for partition in (0, 1):
            numbers = [int(item.value) for item in found if item.partition == partition]
            assert numbers == sorted(numbers)

    async def test_must_4_a_key_chooses_the_same_partition_in_every_process(self, log: Log, new_log: NewLog) -> None:
        topic = await filled_topic(log, partitions=5)
        keys = [f"conversation {number}" for number in range(40)]
        other = await (await new_log()).publisher()
        first = await (await log.publisher()).publish(topic, [record("a", key=key) for key in keys])
        again = await other.publish(topic, [record("b", key=key) for key in keys])
        assert [place.partition for place in first] == [place.partition for place in again]
        assert len({place.partition for place in first}) == 5

    async def test_must_5_fifty_callers_learn_where_their_records_stand(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=4)
        publisher = await log.publisher()

        async def caller(number: int) -> dict[tuple[int, int], bytes]:
            mine = {}
            for turn in range(4):
                given = records(3, name=f"{number}-{turn}-")
                for item, place in zip(given, await publisher.publish(topic, given), strict=True):
                    mine[place.partition, place.offset] = item.value
            return mine

        expected: dict[tuple[int, int], bytes] = {}
        for mine in await asyncio.gather(*(caller(number) for number in range(50))):
            expected |= mine
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        found = {(item.partition, item.offset): item.value for item in await read(consumer, 600)}
        assert len(expected) == 600
        assert found == expected

    async def test_must_6_a_cancelled_caller_harms_no_other(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=2)
        publisher = await log.publisher()
        tasks = [asyncio.create_task(publisher.publish(topic, [given])) for given in records(60)]
        await asyncio.sleep(0.002)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        last = await publisher.publish(topic, [record("last")])
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        total = sum(state.next_offset for state in await log.partitions(topic))
        found = await read(consumer, total)
        assert_gapless(found)
        stands = {(item.partition, item.offset): item.value for item in found}
        for number, task in enumerate(tasks):
            if not task.cancelled():
                (place,) = task.result()
                assert stands[place.partition, place.offset] == str(number).encode()
        assert stands[last[0].partition, last[0].offset] == b"last"

    async def test_must_7_a_record_over_the_limit_is_refused_by_its_index(self, log: Log) -> None:
        topic = await filled_topic(log)
        publisher = await log.publisher()
        too_large = NewRecord(key=b"k", value=b"x" * self.over_limit_bytes)
        results = await asyncio.gather(
            publisher.publish(topic, [record("before")]),
            publisher.publish(topic, [record("beside"), too_large]),
            publisher.publish(topic, [record("after")]),
            return_exceptions=True,
        )
        assert isinstance(results[1], RecordRefusedError)
        assert results[1].index == 1
        assert not isinstance(results[0], BaseException)
        assert not isinstance(results[2], BaseException)

    async def test_must_8_a_reader_sees_no_gap_while_writers_commit(self, log: Log, new_log: NewLog) -> None:
        topic = await filled_topic(log, partitions=2)
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())

        async def writer(name: str) -> None:
            publisher = await (await new_log()).publisher()
            for turn in range(40):
                await publisher.publish(topic, records(5, name=f"{name}{turn}-"))

        reading = asyncio.create_task(read(consumer, 600, max_records=17))
        await asyncio.gather(*(writer(name) for name in "abc"))
        assert_gapless(await reading)

    async def test_must_14_partitions_are_raised_and_never_fall(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=2, count=20)
        before = await log.identity(topic)
        await log.ensure_topic(topic, partitions=5, retention_hours=24)
        await log.ensure_topic(topic, partitions=1, retention_hours=24)
        assert [state.partition for state in await log.partitions(topic)] == [0, 1, 2, 3, 4]
        assert await log.identity(topic) == before
        places = await (await log.publisher()).publish(topic, records(200))
        assert {place.partition for place in places} == {0, 1, 2, 3, 4}

    async def test_must_14_a_member_gets_partitions_that_were_added(self, log: Log) -> None:
        topic = await filled_topic(log, partitions=1, count=5)
        consumer = await log.consumer(topic, group=unique("group"), load_positions=positions())
        assert len(await read(consumer, 5)) == 5
        await log.ensure_topic(topic, partitions=3, retention_hours=24)
        await (await log.publisher()).publish(topic, records(100))
        assert {item.partition for item in await read(consumer, 100)} == {0, 1, 2}

    async def test_states_say_what_is_kept_and_since_when(self, log: Log) -> None:
        topic = await filled_topic(log)
        (empty,) = await log.partitions(topic)
        assert (empty.first_offset, empty.next_offset, empty.oldest_at) == (0, 0, None)
        await (await log.publisher()).publish(topic, records(3))
        (state,) = await log.partitions(topic)
        assert (state.first_offset, state.next_offset) == (0, 3)
        assert state.oldest_at is not None

    async def test_two_topics_have_two_identities(self, log: Log, new_log: NewLog) -> None:
        one, other = await filled_topic(log), await filled_topic(log)
        assert await log.identity(one) != await log.identity(other)
        assert await log.identity(one) == await (await new_log()).identity(one)

    async def test_publishing_nothing_gives_nothing(self, log: Log) -> None:
        topic = await filled_topic(log)
        assert list(await (await log.publisher()).publish(topic, [])) == []

    async def test_must_17_ping_answers_and_a_closed_log_stores_nothing(self, log: Log) -> None:
        topic = await filled_topic(log)
        publisher = await log.publisher()
        await log.ping()
        await log.close()
        await log.close()
        with pytest.raises(BusUnavailableError):
            await publisher.publish(topic, [record("late")])

    async def test_must_17_close_stores_what_waits(self, log: Log, new_log: NewLog) -> None:
        topic = await filled_topic(log)
        publisher = await log.publisher()
        await publisher.publish(topic, [record("first")])
        tasks = [asyncio.create_task(publisher.publish(topic, [given])) for given in records(30)]
        await asyncio.sleep(0)
        await log.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        stored = [result for result in results if not isinstance(result, BaseException)]
        assert all(isinstance(result, BusUnavailableError) for result in results if isinstance(result, BaseException))
        (state,) = await (await new_log()).partitions(topic)
        assert state.next_offset == 1 + len(stored)
