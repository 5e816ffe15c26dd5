"""The relay publishes every event, a ticket's in order, with the same id over all retries."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from json import loads
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from relay_topic import Topic, drain, fill, relay, unpublished
from store_rows import NUMBERS, StoreRows

from router.relay import EventRefusedError, OutgoingRecord, SinkUnavailableError, waves
from ticket_store.outbox import PostgresOutbox, UnpublishedEvent
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


@given(st.lists(st.integers(1, 5)))
def test_waves_keep_order_and_hold_a_ticket_once(tickets: list[int]) -> None:
    events = [UnpublishedEvent(id=uuid4(), ticket_id=ticket, number="", event="") for ticket in tickets]
    split = waves(events)
    assert all(len({event.ticket_id for event in wave}) == len(wave) for wave in split)
    for ticket in set(tickets):
        assert [e for wave in split for e in wave if e.ticket_id == ticket] == [
            e for e in events if e.ticket_id == ticket
        ]
