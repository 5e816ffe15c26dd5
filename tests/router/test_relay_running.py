"""A running relay recovers by itself, is woken by commits, and removes what is long published."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from json import loads

import pytest
from relay_topic import NOW, Topic, fill, relay, unpublished
from store_rows import StoreRows

from daemon.adapters import STORE_ERRORS
from router.relay import OutgoingRecord, Relay
from ticket_store.outbox import PostgresOutbox
from ticket_store.pool import Pool, make_pool


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    yield made
    made.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with make_pool(database, name="relay") as made:
        yield made


@asynccontextmanager
async def running(*workers: Relay) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        await asyncio.gather(*tasks)


async def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is awaited is in the database
            await asyncio.sleep(0.01)


async def test_a_running_relay_recovers_by_itself_from_an_outage(rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=5, events=2)
    topic = Topic(lambda _: 0)
    worker = relay(pool, topic)
    async with running(worker):
        await until(lambda: worker.failing and topic.calls > 2)
        topic.fault = lambda _: None
        await until(lambda: unpublished(rows) == 0)
        await until(lambda: not worker.failing)
    assert topic.sequences() == {ticket: [1, 2] for ticket in range(1, 6)}
    assert worker.published == 10


async def test_a_running_relay_recovers_from_a_lost_database_connection(rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=1, events=1)

    def cut(_: Sequence[OutgoingRecord]) -> None:
        topic.fault = lambda _: None
        name = "switchboard relay"
        rows.run("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = %s", name)

    topic = Topic(cut)
    async with running(relay(pool, topic)):
        await until(lambda: unpublished(rows) == 0)
    assert [loads(record.value)["sequence"] for record in topic.records] == [1, 1]


async def test_a_relay_that_stood_still_for_longer_than_a_transaction_may_goes_on(
    database: str, rows: StoreRows
) -> None:
    fill(rows, tickets=1, events=1)

    def stand_still(_: Sequence[OutgoingRecord]) -> None:
        topic.fault = lambda _: None
        time.sleep(0.5)

    topic = Topic(stand_still)
    async with make_pool(database, name="relay", idle_timeout=timedelta(milliseconds=100)) as pool:
        outbox = PostgresOutbox(pool=pool)
        async with running(
            Relay(outbox=outbox, sink=topic, clock=lambda: NOW, store_errors=STORE_ERRORS, first_pause=0.01)
        ):
            await until(lambda: unpublished(rows) == 0)
    assert [loads(record.value)["sequence"] for record in topic.records] == [1, 1]


async def test_a_commit_wakes_the_relay_before_its_next_look(database: str, rows: StoreRows, pool: Pool) -> None:
    outbox = PostgresOutbox(pool=pool, listen=database)
    topic = Topic()
    rows.ticket(1)
    rows.ticket(2)
    async with running(relay(pool, topic, outbox=outbox, poll_seconds=3)):
        rows.event(1, 1)
        await until(lambda: len(topic.records) == 1)
        rows.event(2, 1)
        await until(lambda: len(topic.records) == 2, seconds=1.5)
    await outbox.close()


async def test_without_hints_the_relay_looks_by_itself(rows: StoreRows, pool: Pool) -> None:
    topic = Topic()
    rows.ticket(1)
    async with running(relay(pool, topic, poll_seconds=0.05)):
        await asyncio.sleep(0.1)
        rows.event(1, 1)
        await until(lambda: len(topic.records) == 1)


async def test_a_lost_hint_connection_is_made_anew(database: str, rows: StoreRows, pool: Pool) -> None:
    outbox = PostgresOutbox(pool=pool, listen=f"{database}&application_name=ear" if "?" in database else database)
    await outbox.wait(0.01)
    assert outbox._ear is not None
    rows.run("select pg_terminate_backend(%s, 5000)", outbox._ear.info.backend_pid)
    await outbox.wait(0.01)
    rows.ticket(1)
    waiting = asyncio.create_task(outbox.wait(5))
    await asyncio.sleep(0.3)
    rows.event(1, 1)
    async with asyncio.timeout(2):
        await waiting
    await outbox.close()


async def test_published_events_are_removed_after_their_time(rows: StoreRows, pool: Pool) -> None:
    rows.ticket(1)
    rows.event(1, 1, published_at=NOW - timedelta(days=8))
    rows.event(1, 2, published_at=NOW - timedelta(days=6))
    rows.event(1, 3)
    topic = Topic(lambda _: 0)
    worker = relay(pool, topic)
    topic.fault = lambda _: None
    async with running(worker):
        await until(lambda: rows.run("select count(*) from outbox") == [(2,)])
    assert rows.run("select sequence from outbox order by 1") == [(2,), (3,)]


async def test_a_purge_takes_no_more_than_a_chunk(rows: StoreRows, pool: Pool) -> None:
    rows.ticket(1)
    for sequence in range(1, 6):
        rows.event(1, sequence, published_at=NOW - timedelta(days=sequence))
    outbox = PostgresOutbox(pool=pool)
    assert [await outbox.purge(before=NOW, limit=3) for _ in range(3)] == [3, 2, 0]
