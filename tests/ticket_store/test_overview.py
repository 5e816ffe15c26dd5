"""The overview counts everything and says what waits longest."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from psycopg import AsyncConnection
from store_rows import START, StoreRows

from ticket_store.listing import as_json
from ticket_store.overview import Overview, PartitionLag, read_overview

NOW = START + timedelta(hours=1)


@dataclass(frozen=True)
class End:
    partition: int
    next_offset: int


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    yield made
    made.close()


async def overview(database: str, *offsets: int) -> Overview:
    async def ends() -> list[End]:
        return [End(partition, offset) for partition, offset in enumerate(offsets)]

    async with await AsyncConnection.connect(database) as connection:
        return await read_overview(
            connection,
            consumer="router",
            topic="switchboard.inbound",
            now=NOW,
            overdue_before=NOW - timedelta(minutes=45),
            log_ends=ends,
        )


async def test_everything_is_counted_and_the_oldest_has_its_age(database: str, rows: StoreRows) -> None:
    rows.ticket(1)
    rows.ticket(2)
    rows.ticket(3, status="closed", closed_at=START)
    rows.held(1, minute=30)
    rows.held(2, minute=10, reason="stranger")
    rows.dead_letter(1)
    rows.dead_letter(2, state="dropped")
    rows.event(1, 1, created_at=START)
    rows.event(1, 2, created_at=START + timedelta(minutes=59))
    rows.event(2, 1, created_at=START - timedelta(days=1), published_at=START)
    rows.offset(7)
    found = await overview(database, 10, 5)
    assert found == Overview(
        tickets={"open": 2, "closed": 1},
        held={"unmatched_reply": 1, "stranger": 1},
        oldest_held_at=START + timedelta(minutes=10),
        oldest_held_seconds=3000,
        overdue=1,
        dead_letters=1,
        unpublished=2,
        oldest_unpublished_seconds=3600,
        sends_queued=0,
        oldest_send_seconds=None,
        lag=8,
        partitions=(
            PartitionLag(partition=0, stored_offset=7, next_offset=10, lag=3),
            PartitionLag(partition=1, stored_offset=0, next_offset=5, lag=5),
        ),
    )


async def test_an_empty_store_waits_for_nothing(database: str) -> None:
    assert as_json(await overview(database)) == {
        "tickets": {},
        "held": {},
        "oldest_held_at": None,
        "oldest_held_seconds": None,
        "overdue": 0,
        "dead_letters": 0,
        "unpublished": 0,
        "oldest_unpublished_seconds": None,
        "sends_queued": 0,
        "oldest_send_seconds": None,
        "lag": 0,
        "partitions": [],
    }
