"""The relay publishes every event, a ticket's in order, with the same id over all retries."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from json import loads
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_rows import NUMBERS, StoreRows

from router.relay import EventRefusedError, OutgoingRecord, Relay, SinkUnavailableError, waves
from ticket_store.outbox import PostgresOutbox, UnpublishedEvent
from ticket_store.pool import Pool, make_pool

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Fault = Callable[[Sequence[OutgoingRecord]], int | Exception | None]


class Topic:
    """A topic in memory. `fault` says of a call how many records are stored before it fails, or what to raise."""

    def __init__(self, fault: Fault = lambda _: None) -> None:
        self.records: list[OutgoingRecord] = []
        self.calls = 0
        self.fault = fault

    async def publish(self, records: Sequence[OutgoingRecord]) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        fault = self.fault(records)
        if isinstance(fault, Exception):
            raise fault
        self.records.extend(records[:fault])
        if fault is not None:
            raise SinkUnavailableError("the broker is away")

    def sequences(self) -> dict[int, list[int]]:
        """Give each ticket's sequences as a consumer sees them that drops what it saw before."""
        seen: dict[int, list[int]] = defaultdict(list)
        for event in (loads(record.value) for record in self.records):
            if event["sequence"] not in seen[event["ticket"]]:
                seen[event["ticket"]].append(event["sequence"])
        return seen


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    yield made
    made.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with make_pool(database, name="relay") as made:
        yield made


def relay(pool: Pool, topic: Topic, **options: Any) -> Relay:
    options.setdefault("outbox", PostgresOutbox(pool=pool))
    return Relay(sink=topic, clock=lambda: NOW, store_errors=(psycopg.OperationalError,), first_pause=0.01, **options)


def fill(rows: StoreRows, *, tickets: int, events: int) -> None:
    for ticket in range(1, tickets + 1):
        rows.ticket(ticket)
    for sequence in range(1, events + 1):
        for ticket in range(1, tickets + 1):
            rows.event(ticket, sequence)


def unpublished(rows: StoreRows) -> int:
    ((count,),) = rows.run("select count(*) from outbox where published_at is null")
    return int(count)


async def drain(worker: Relay) -> None:
    while await worker.round():
        pass


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


async def test_every_event_is_published_once_and_marked(rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=40, events=3)
    topic = Topic()
    await drain(relay(pool, topic))
    assert len(topic.records) == 120
    assert topic.sequences() == {ticket: [1, 2, 3] for ticket in range(1, 41)}
    assert unpublished(rows) == 0


async def test_records_are_keyed_by_ticket_number_and_say_their_content_type(rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=1, events=1)
    topic = Topic()
    await drain(relay(pool, topic))
    (record,) = topic.records
    assert record.key == NUMBERS.number(1).encode()
    assert record.headers == (("content-type", b"application/cloudevents+json; charset=UTF-8"),)


async def test_an_event_that_commits_late_is_not_skipped(database: str, rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=2, events=0)
    late = psycopg.connect(database)
    insert = "insert into outbox (ticket_id, shard, sequence, type, event) values (1, 1, 1, 'ticket.created', %s)"
    late.execute(insert, ['{"ticket": 1, "sequence": 1}'])
    rows.event(2, 1)
    topic = Topic()
    worker = relay(pool, topic)
    await drain(worker)
    assert set(topic.sequences()) == {2}
    late.commit()
    late.close()
    await drain(worker)
    assert set(topic.sequences()) == {1, 2}


@pytest.mark.parametrize("stored", [0, 1, 5])
async def test_a_failed_publish_keeps_each_tickets_order(rows: StoreRows, pool: Pool, stored: int) -> None:
    fill(rows, tickets=10, events=4)
    topic = Topic()
    topic.fault = lambda _: stored if topic.calls % 2 == 1 else None
    worker = relay(pool, topic)
    while unpublished(rows):
        with suppress(SinkUnavailableError):
            await worker.round()
    assert topic.sequences() == {ticket: [1, 2, 3, 4] for ticket in range(1, 11)}


async def test_after_a_failure_what_was_stored_before_it_stays_marked(rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=3, events=2)
    topic = Topic()
    topic.fault = lambda _: 0 if topic.calls == 2 else None
    with pytest.raises(SinkUnavailableError):
        await relay(pool, topic).round()
    assert unpublished(rows) == 3


@dataclass
class CrashingOutbox:
    """The real outbox, whose process dies after the topic has stored and before anything is marked."""

    outbox: PostgresOutbox
    ids: list[UUID] = field(default_factory=list)

    @asynccontextmanager
    async def claim(self, *, limit: int, excluding: Sequence[int]) -> AsyncIterator["DyingClaim"]:
        async with self.outbox.claim(limit=limit, excluding=excluding) as claim:
            yield DyingClaim(claim.events)

    async def wait(self, seconds: float) -> None:
        await self.outbox.wait(seconds)

    async def purge(self, *, before: datetime, limit: int) -> int:
        return await self.outbox.purge(before=before, limit=limit)


@dataclass
class DyingClaim:
    events: Sequence[UnpublishedEvent]

    async def mark(self, ids: Sequence[UUID]) -> None:
        raise KeyboardInterrupt(str(len(ids)))


async def test_a_crash_between_publish_and_mark_publishes_the_same_ids_again(rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=5, events=1)
    rows.run("update outbox set event = event::jsonb || jsonb_build_object('id', id)")
    topic = Topic()
    with pytest.raises(KeyboardInterrupt):
        await relay(pool, topic, outbox=CrashingOutbox(PostgresOutbox(pool=pool))).round()
    assert unpublished(rows) == 5
    await drain(relay(pool, topic))
    ids = [loads(record.value)["id"] for record in topic.records]
    assert len(ids) == 10
    assert sorted(ids[:5]) == sorted(ids[5:])


async def test_two_relays_split_the_shards_and_publish_nothing_twice(rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=64, events=3)
    both = asyncio.Barrier(2)

    class Meeting(Topic):
        async def publish(self, records: Sequence[OutgoingRecord]) -> None:
            if self.calls == 0:
                await both.wait()
            await super().publish(records)

    one, two = Meeting(), Meeting()
    async with asyncio.timeout(10):
        await asyncio.gather(drain(relay(pool, one)), drain(relay(pool, two)))
    shared = one.sequences().keys() & two.sequences().keys()
    assert len(one.records) + len(two.records) == 192
    assert one.records
    assert two.records
    assert all(one.sequences()[t] + two.sequences()[t] in ([1, 2, 3], [2, 3, 1], [3, 1, 2]) for t in shared)


async def test_shards_of_a_dead_relay_are_taken_over(database: str, rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=32, events=1)
    async with make_pool(database, name="other") as other:
        with suppress(psycopg.OperationalError):
            async with PostgresOutbox(pool=other).claim(limit=500) as held:
                mine = {event.ticket_id for event in held.events}
                topic = Topic()
                await drain(relay(pool, topic))
                assert topic.sequences().keys() == set(range(1, 33)) - mine
                rows.run(
                    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = %s",
                    "switchboard other",
                )
                await drain(relay(pool, topic))
        assert topic.sequences().keys() == set(range(1, 33))


async def test_a_refused_event_holds_up_its_own_ticket_only(rows: StoreRows, pool: Pool) -> None:
    fill(rows, tickets=20, events=2)
    bad = NUMBERS.number(7).encode()

    def refuse(records: Sequence[OutgoingRecord]) -> Exception | None:
        places = [place for place, record in enumerate(records) if record.key == bad]
        return EventRefusedError("too large", index=places[0]) if places else None

    topic = Topic(refuse)
    worker = relay(pool, topic)
    await drain(worker)
    await drain(worker)
    assert topic.sequences() == {ticket: [1, 2] for ticket in range(1, 21) if ticket != 7}
    assert worker.blocked == {7}
    assert unpublished(rows) == 2


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


@given(st.lists(st.integers(1, 5)))
def test_waves_keep_order_and_hold_a_ticket_once(tickets: list[int]) -> None:
    events = [UnpublishedEvent(id=uuid4(), ticket_id=ticket, number="", event="") for ticket in tickets]
    split = waves(events)
    assert all(len({event.ticket_id for event in wave}) == len(wave) for wave in split)
    for ticket in set(tickets):
        assert [e for wave in split for e in wave if e.ticket_id == ticket] == [
            e for e in events if e.ticket_id == ticket
        ]
