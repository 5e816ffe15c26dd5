"""Refusals are counted in memory and added to the store together."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from store_rows import StoreRows

from ticket_store.pool import Pool, make_pool
from ticket_store.refusals import MOST_KINDS, RefusalCounter

DAY = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
NEXT = datetime(2026, 3, 2, 0, 1, tzinfo=UTC)


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    yield made
    made.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with make_pool(database, name="refusals") as made:
        yield made


async def test_counts_add_up_over_writes_days_and_processes(pool: Pool, rows: StoreRows) -> None:
    one, two = RefusalCounter(pool=pool), RefusalCounter(pool=pool)
    for counter in (one, two):
        counter.count(account="support", reason="size", at=DAY)
        counter.count(account="support", reason="size", at=NEXT)
        counter.count(account="", reason="recipient", at=DAY)
    assert [await one.write(), await two.write(), await one.write()] == [3, 3, 0]
    one.count(account="support", reason="size", at=DAY)
    assert await one.write() == 1
    assert rows.run("select day::text, account, reason, count from refusals order by 1, 2") == [
        ("2026-03-01", "", "recipient", 2),
        ("2026-03-01", "support", "size", 3),
        ("2026-03-02", "support", "size", 2),
    ]


async def test_a_failed_write_keeps_the_counts(pool: Pool, rows: StoreRows) -> None:
    counter = RefusalCounter(pool=pool)
    counter.count(account="support", reason="size", at=DAY)
    rows.run("alter table refusals rename to away")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await counter.write()
    assert counter.unwritten == 1
    rows.run("alter table away rename to refusals")
    assert await counter.write() == 1
    assert counter.unwritten == 0


async def test_memory_stays_bounded_whatever_is_refused(pool: Pool) -> None:
    counter = RefusalCounter(pool=pool)
    for number in range(MOST_KINDS + 50):
        counter.count(account=f"account-{number}", reason="size", at=DAY)
    assert len(counter._counts) == MOST_KINDS + 1
    assert counter.unwritten == MOST_KINDS + 50
