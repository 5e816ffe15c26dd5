"""The relay over the real PostgreSQL log: nothing lost, a ticket's events in order, also when the log is cut off."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from json import loads

import psycopg
import pytest
from bus_reading import positions, read
from store_rows import NUMBERS, StoreRows

from bus.port import Record
from bus.postgres import PostgresLog
from daemon.adapters import TopicSink
from router.relay import Relay
from ticket_store.outbox import PostgresOutbox
from ticket_store.pool import Pool, make_pool

TOPIC = "switchboard.tickets"
TICKETS, EVENTS = 30, 4


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    for ticket in range(1, TICKETS + 1):
        made.ticket(ticket)
    for sequence in range(1, EVENTS + 1):
        for ticket in range(1, TICKETS + 1):
            made.event(ticket, sequence)
    yield made
    made.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with make_pool(database, name="relay") as made:
        yield made


@pytest.fixture
async def log(database: str) -> AsyncIterator[PostgresLog]:
    made = PostgresLog(conninfo=database)
    await made.ensure_topic(TOPIC, partitions=3, retention_hours=24)
    yield made
    await made.close()


async def relay(log: PostgresLog, pool: Pool) -> Relay:
    return Relay(
        outbox=PostgresOutbox(pool=pool),
        sink=TopicSink(publisher=await log.publisher(), topic=TOPIC),
        clock=lambda: datetime(2026, 3, 1, tzinfo=UTC),
        store_errors=(psycopg.OperationalError,),
        batch=40,
        first_pause=0.05,
        poll_seconds=0.1,
    )


async def published(rows: StoreRows, *, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while rows.run("select count(*) from outbox where published_at is null") != [(0,)]:  # noqa: ASYNC110 - the row is elsewhere
            await asyncio.sleep(0.02)


async def written(log: PostgresLog) -> list[Record]:
    total = sum(state.next_offset for state in await log.partitions(TOPIC))
    consumer = await log.consumer(TOPIC, group="test", load_positions=positions())
    return await read(consumer, total)


def by_ticket(records: list[Record]) -> dict[bytes, list[int]]:
    """Give the sequences of each key in the order of the log, without what came before."""
    seen: dict[bytes, list[int]] = defaultdict(list)
    for sequence, key in ((loads(record.value)["sequence"], record.key) for record in records):
        if sequence not in seen[key]:
            seen[key].append(sequence)
    return seen


EXPECTED = {NUMBERS.number(ticket).encode(): [1, 2, 3, 4] for ticket in range(1, TICKETS + 1)}


async def test_two_relays_empty_the_outbox_onto_the_log(rows: StoreRows, pool: Pool, log: PostgresLog) -> None:
    relays = [await relay(log, pool), await relay(log, pool)]
    tasks = [asyncio.create_task(one.run()) for one in relays]
    await published(rows)
    for one in relays:
        one.stop()
    await asyncio.gather(*tasks)
    records = await written(log)
    assert len(records) == TICKETS * EVENTS
    assert by_ticket(records) == EXPECTED
    assert {record.headers for record in records} == {
        (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
    }


async def test_connections_that_are_cut_lose_nothing_and_break_no_order(
    rows: StoreRows, pool: Pool, log: PostgresLog
) -> None:
    worker = await relay(log, pool)
    task = asyncio.create_task(worker.run())
    for _ in range(6):
        rows.run(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        await asyncio.sleep(0.05)
    await published(rows)
    worker.stop()
    await task
    assert by_ticket(await written(log)) == EXPECTED
