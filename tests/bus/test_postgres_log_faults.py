"""The PostgreSQL log under slow writers, locks, refused records, and a server that dies."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence

import psycopg
import pytest
from bus_reading import assert_gapless, filled_topic, positions, read, read_nothing, record, records
from postgres_server import components, query

from bus.port import BusUnavailableError, NewRecord, Record, RecordRefusedError
from bus.postgres import Bounds, PostgresLog, Timeouts
from ticket_store.embedded import EmbeddedPostgres
from ticket_store.migrate import migrate

SLOW_WRITER = """
with place as (
    update log_partitions set next_offset = next_offset + 1 where partition = 0
    returning topic_id, partition, next_offset - 1 as taken
)
insert into log_records (topic_id, partition, "offset", key, value, headers)
select topic_id, partition, taken, '', 'slow', '' from place
"""


@pytest.fixture
async def log(database: str) -> AsyncIterator[PostgresLog]:
    made = PostgresLog(conninfo=database, lease=3, timeouts=Timeouts(lock=0.5))
    yield made
    await made.close()


async def test_records_behind_a_slow_commit_wait_and_none_is_skipped(log: PostgresLog, database: str) -> None:
    patient = PostgresLog(conninfo=database)
    topic = await filled_topic(log, count=1)
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    await read(consumer, 1)
    async with await psycopg.AsyncConnection.connect(database) as slow:
        await slow.execute(SLOW_WRITER)
        fast = asyncio.create_task((await patient.publisher()).publish(topic, [record("fast")]))
        await read_nothing(consumer, seconds=1.2)
        assert not fast.done()
        await slow.commit()
    assert [item.value for item in await read(consumer, 2)] == [b"slow", b"fast"]
    assert [place.offset for place in await fast] == [2]
    await patient.close()


async def test_a_slow_writer_that_gives_up_leaves_no_gap(log: PostgresLog, database: str) -> None:
    topic = await filled_topic(log, count=1)
    async with await psycopg.AsyncConnection.connect(database) as slow:
        await slow.execute(SLOW_WRITER)
        await slow.rollback()
    await (await log.publisher()).publish(topic, [record("next")])
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    found = await read(consumer, 2)
    assert_gapless(found)
    assert [item.value for item in found] == [b"0", b"next"]


async def test_a_lock_that_is_held_too_long_means_later(log: PostgresLog, database: str) -> None:
    topic = await filled_topic(log)
    publisher = await log.publisher()
    async with await psycopg.AsyncConnection.connect(database) as slow:
        await slow.execute(SLOW_WRITER)
        began = time.monotonic()
        with pytest.raises(BusUnavailableError):
            await publisher.publish(topic, [record("later")])
        assert time.monotonic() - began < 20
        await slow.rollback()
    (place,) = await publisher.publish(topic, [record("again")])
    assert place.offset == 0


async def test_a_record_that_postgresql_refuses_falls_alone(log: PostgresLog, database: str) -> None:
    query(database, "alter table log_records add constraint picky check (value <> 'bad')")
    topic = await filled_topic(log)
    publisher = await log.publisher()
    good = [publisher.publish(topic, [given]) for given in records(20)]
    mixed = publisher.publish(topic, [record("one"), record("two"), record("bad"), record("three")])
    after = [publisher.publish(topic, [given]) for given in records(5)]
    results = await asyncio.gather(*good, mixed, *after, return_exceptions=True)
    refused = results.pop(20)
    assert isinstance(refused, RecordRefusedError)
    assert refused.index == 2
    assert not any(isinstance(result, BaseException) for result in results)
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    found = await read(consumer, 27)
    assert_gapless(found)
    assert {item.value for item in found} == {str(n).encode() for n in range(20)} | {b"one", b"two"}


async def test_an_error_text_names_no_value(log: PostgresLog, database: str) -> None:
    query(database, "alter table log_records add constraint picky check (value <> 'secret words')")
    topic = await filled_topic(log)
    with pytest.raises(RecordRefusedError) as caught:
        await (await log.publisher()).publish(topic, [record("secret words")])
    assert "secret" not in str(caught.value)
    assert "23514" in str(caught.value)


async def test_a_taken_offset_is_damage_and_no_fault_of_the_record(log: PostgresLog, database: str) -> None:
    topic = await filled_topic(log, count=3)
    query(database, "update log_partitions set next_offset = 1")
    with pytest.raises(BusUnavailableError):
        await (await log.publisher()).publish(topic, [record("x")])


async def test_a_connection_that_was_cut_while_idle_costs_no_publish(log: PostgresLog, database: str) -> None:
    topic = await filled_topic(log)
    publisher = await log.publisher()
    await publisher.publish(topic, [record("before")])
    query(
        database, "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name ~ '^switchboard'"
    )
    (place,) = await publisher.publish(topic, [record("after")])
    assert place.offset == 1


async def test_missing_tables_say_migrate(empty_database: str) -> None:
    log = PostgresLog(conninfo=empty_database)
    with pytest.raises(BusUnavailableError, match="switchboard migrate"):
        await log.ping()
    await log.close()


async def test_a_missing_topic_means_later(log: PostgresLog) -> None:
    with pytest.raises(BusUnavailableError, match="does not exist"):
        await (await log.publisher()).publish("nowhere", [record("x")])


async def test_a_full_queue_holds_callers_back(database: str) -> None:
    bounds = Bounds(batch_records=2, queue_records=4)
    log = PostgresLog(conninfo=database, bounds=bounds)
    topic = await filled_topic(log)
    publisher = await log.publisher()
    async with await psycopg.AsyncConnection.connect(database) as slow:
        await slow.execute(SLOW_WRITER)
        tasks = [asyncio.create_task(publisher.publish(topic, [given])) for given in records(20)]
        await asyncio.sleep(0.3)
        assert len(publisher._queue) <= bounds.queue_records
        await slow.rollback()
    places = [place for result in await asyncio.gather(*tasks) for place in result]
    assert sorted(place.offset for place in places) == list(range(20))
    await log.close()


async def test_large_records_cross_in_several_fetches(log: PostgresLog) -> None:
    topic = await filled_topic(log, partitions=2)
    publisher = await log.publisher()
    for number in range(6):
        await publisher.publish(topic, [NewRecord(key=str(number).encode(), value=bytes(7_000_000))])
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    batches: list[Sequence[Record]] = []
    while sum(len(batch) for batch in batches) < 6:
        batches.append(await consumer.fetch(max_records=500, max_wait=1))
    assert all(sum(len(item.value) for item in batch) <= 24_000_000 for batch in batches)
    assert_gapless([item for batch in batches for item in batch])


async def test_a_record_that_vanished_stops_its_partition(log: PostgresLog, database: str) -> None:
    topic = await filled_topic(log, count=5)
    query(database, 'delete from log_records where "offset" = 2')
    consumer = await log.consumer(topic, group="g", load_positions=positions())
    assert [item.offset for item in await read(consumer, 2)] == [0, 1]
    await consumer.fetch(max_records=5, max_wait=0)
    with pytest.raises(Exception, match="offset 2 is missing"):
        await consumer.fetch(max_records=5, max_wait=0)
    await read_nothing(consumer, seconds=0.5)


@pytest.fixture
async def mortal(own_postgres: EmbeddedPostgres) -> AsyncIterator[PostgresLog]:
    migrate(own_postgres.url(), components())
    log = PostgresLog(conninfo=own_postgres.url(), lease=3)
    yield log
    await log.close()


async def test_the_log_recovers_by_itself_after_postgresql_was_killed(
    mortal: PostgresLog, own_postgres: EmbeddedPostgres
) -> None:
    topic = await filled_topic(mortal, partitions=2)
    publisher = await mortal.publisher()
    consumer = await mortal.consumer(topic, group="g", load_positions=positions())
    confirmed: list[bytes] = []
    stop = asyncio.Event()

    async def sender(name: str) -> None:
        number = 0
        while not stop.is_set():
            given = record(f"{name}{number}", key=f"{name}{number}")
            try:
                await publisher.publish(topic, [given])
            except BusUnavailableError:
                await asyncio.sleep(0.02)
                continue
            confirmed.append(given.value)
            number += 1

    senders = [asyncio.create_task(sender(name)) for name in "abcd"]
    for _ in range(2):
        await asyncio.sleep(0.5)
        pid = own_postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(own_postgres.start)
    before = len(confirmed)
    await asyncio.sleep(1)
    stop.set()
    await asyncio.gather(*senders)
    assert len(confirmed) > before > 0
    total = sum(state.next_offset for state in await mortal.partitions(topic))
    found: list[Record] = []
    async with asyncio.timeout(40):
        while len(found) < total:
            try:
                found.extend(await consumer.fetch(max_records=500, max_wait=1))
            except BusUnavailableError:
                await asyncio.sleep(0.1)
    assert_gapless(found)
    assert set(confirmed) <= {item.value for item in found}


async def test_a_stopped_server_means_later_at_once(mortal: PostgresLog, own_postgres: EmbeddedPostgres) -> None:
    topic = await filled_topic(mortal)
    publisher = await mortal.publisher()
    await publisher.publish(topic, [record("before")])
    own_postgres.stop()
    with pytest.raises(BusUnavailableError):
        await publisher.publish(topic, [record("meanwhile")])
    with pytest.raises(BusUnavailableError):
        await mortal.ping()
    own_postgres.start()
    (place,) = await publisher.publish(topic, [record("after")])
    assert place.offset == 1
