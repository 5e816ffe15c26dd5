"""Leases, claims and retention of the PostgreSQL log."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from bus_reading import PATIENCE, assert_gapless, filled_topic, offsets, positions, read, read_nothing, records
from postgres_server import query

from bus.port import PositionLostError, StoredPosition
from bus.postgres import PostgresLog

LEASE = 1.2

Make = Callable[[], Awaitable[PostgresLog]]


@pytest.fixture
async def make(database: str) -> AsyncIterator[Make]:
    made: list[PostgresLog] = []

    async def new() -> PostgresLog:
        made.append(PostgresLog(conninfo=database, lease=LEASE))
        return made[-1]

    yield new
    for log in made:
        await log.close()


async def test_a_silent_members_partitions_move_after_its_lease(make: Make) -> None:
    log, other = await make(), await make()
    topic = await filled_topic(log, partitions=4)
    dead = await other.consumer(topic, group="g", load_positions=positions())
    task = dead._membership._task
    assert task is not None
    task.cancel()  # what a killed or frozen process does: nothing any more
    alive = await log.consumer(topic, group="g", load_positions=positions())
    began = time.monotonic()
    await (await log.publisher()).publish(topic, records(40))
    found = await read(alive, 40)
    assert set(offsets(found)) == {0, 1, 2, 3}
    assert LEASE / 2 < time.monotonic() - began < 30 * LEASE
    assert list(await dead.fetch(max_records=10, max_wait=0)) == []


async def test_a_member_that_leaves_is_replaced_at_once(database: str) -> None:
    patient = PostgresLog(conninfo=database, lease=60)
    topic = await filled_topic(patient, partitions=2, count=20)
    leaving = await patient.consumer(topic, group="g", load_positions=positions())
    staying = await patient.consumer(topic, group="g", load_positions=positions())
    await leaving.close()
    async with asyncio.timeout(5):
        assert len(await read(staying, 20)) == 20
    await patient.close()


async def test_a_member_that_was_thought_dead_loads_its_positions_again(make: Make, database: str) -> None:
    log = await make()
    topic = await filled_topic(log, count=5)
    loads = []

    async def load(name: str, partitions: frozenset[int]) -> dict[int, StoredPosition]:
        loads.append((name, partitions))
        return {}

    consumer = await log.consumer(topic, group="g", load_positions=load)
    await read(consumer, 5)
    query(database, "delete from log_members")
    async with asyncio.timeout(PATIENCE):
        again = await read(consumer, 5)
    assert [item.offset for item in again] == [0, 1, 2, 3, 4]
    assert loads == [(topic, frozenset({0}))] * 2


async def test_a_partition_has_one_reader_while_members_come_and_go(make: Make, database: str) -> None:
    logs = [await make() for _ in range(3)]
    topic = await filled_topic(logs[0], partitions=7)
    consumers = [await log.consumer(topic, group="g", load_positions=positions()) for log in logs]
    await consumers.pop().close()
    held = "select partition, member from log_claims order by partition"
    async with asyncio.timeout(PATIENCE):
        while True:
            shares = [set(consumer._membership.held()) for consumer in consumers]
            assert not shares[0] & shares[1]
            # A member that was stalled for a whole lease has lost its claims, and takes them again: both must be so.
            if sorted(map(len, shares)) == [3, 4] and len(query(database, held)) == 7:
                break
            await asyncio.sleep(0.02)


async def test_a_paused_partition_speaks_again_when_assigned_anew(make: Make, database: str) -> None:
    log = await make()
    topic = await filled_topic(log, count=5)
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    await read(consumer, 1, max_records=1)
    await consumer.pause(0)
    await read_nothing(consumer, seconds=0.5)
    query(database, "delete from log_members")
    assert [item.offset for item in await read(consumer, 5)] == [0, 1, 2, 3, 4]


async def test_a_busy_partition_does_not_starve_the_others(make: Make) -> None:
    log = await make()
    topic = await filled_topic(log, partitions=3, count=900)
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    async with asyncio.timeout(PATIENCE):
        while not (found := await consumer.fetch(max_records=30, max_wait=1)):
            pass
    assert set(offsets(found)) == {0, 1, 2}


async def test_mirror_keeps_the_groups_offsets_for_lag_tools(make: Make, database: str) -> None:
    log = await make()
    topic = await filled_topic(log, partitions=2, count=5)
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    await consumer.mirror({0: 3, 1: 1})
    await consumer.mirror({0: 4})
    kept = query(database, "select group_name, partition, next_offset from log_positions order by partition")
    assert kept == [("g", 0, 4), ("g", 1, 1)]


async def test_retention_never_passes_the_slowest_offset(make: Make) -> None:
    log = await make()
    topic = await filled_topic(log, partitions=2, count=100)
    counts = [state.next_offset for state in await log.partitions(topic)]
    gone = await log.trim(topic, keep_hours=0, floor={0: 7})
    assert gone == 7
    states = await log.partitions(topic)
    assert [state.first_offset for state in states] == [7, 0]
    assert [state.next_offset for state in states] == counts
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    found = await read(consumer, 93)
    assert min(item.offset for item in found if item.partition == 0) == 7


async def test_retention_keeps_what_is_young(make: Make, database: str) -> None:
    log = await make()
    topic = await filled_topic(log, count=20)
    query(database, "update log_records set stored_at = now() - interval '2 hours' where \"offset\" < 8")
    assert await log.trim(topic, keep_hours=1, floor={0: 20}) == 8
    (state,) = await log.partitions(topic)
    assert (state.first_offset, state.next_offset) == (8, 20)
    assert query(database, 'select min("offset"), count(*) from log_records') == [(8, 12)]


async def test_retention_of_everything_leaves_an_empty_partition_that_goes_on(make: Make) -> None:
    log = await make()
    topic = await filled_topic(log)
    publisher = await log.publisher()
    await publisher.publish(topic, records(12_000))
    assert await log.trim(topic, keep_hours=0, floor={0: 12_000}) == 12_000
    (state,) = await log.partitions(topic)
    assert (state.first_offset, state.next_offset, state.oldest_at) == (12_000, 12_000, None)
    (place,) = await publisher.publish(topic, records(1))
    assert place.offset == 12_000
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    assert_gapless(await read(consumer, 1), start=12_000)


async def test_a_position_before_the_first_kept_record_stops(make: Make) -> None:
    log = await make()
    topic = await filled_topic(log, count=10)
    await log.trim(topic, keep_hours=0, floor={0: 5})
    stored = {0: StoredPosition(next_offset=4, log_identity=await log.identity(topic))}
    consumer = await log.consumer(topic, group="g", load_positions=positions(stored))
    with pytest.raises(PositionLostError, match=r"offset 4 is not within 5\.\.10"):
        await consumer.fetch(max_records=10, max_wait=0)


async def test_a_topic_that_was_created_anew_has_another_identity(make: Make, database: str) -> None:
    log = await make()
    topic = await filled_topic(log, count=10)
    before = await log.identity(topic)
    query(database, "delete from log_topics")
    query(database, "delete from log_records")
    await log.ensure_topic(topic, partitions=1, retention_hours=1)
    assert await log.identity(topic) != before
