"""The ledger is balanced exactly when every record on the log has one outcome, and says what is wrong otherwise."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import AsyncConnection
from store_rows import StoreRows

from ticket_store.ledger import Ledger, Trouble, read_ledger

TOPIC = "switchboard.inbound"


@dataclass(frozen=True)
class End:
    partition: int
    next_offset: int


def ends(*offsets: int) -> Callable[[], Awaitable[list[End]]]:
    async def answer() -> list[End]:
        return [End(partition, offset) for partition, offset in enumerate(offsets)]

    return answer


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    yield made
    made.close()


async def ledger(database: str, log_ends: Callable[[], Awaitable[list[End]]]) -> Ledger:
    async with await AsyncConnection.connect(database) as connection:
        return await read_ledger(connection, consumer="router", topic=TOPIC, log_ends=log_ends)


def one_of_each(rows: StoreRows) -> None:
    """Eight deliveries of every outcome on partition 0, and one more on partition 1."""
    rows.ticket(1)
    rows.message(1, ticket_id=1, partition=0, offset=0)
    rows.held(2, partition=0, offset=1)
    rows.message(3, state="noted", partition=0, offset=2)
    rows.message(4, state="discarded", partition=0, offset=3)
    rows.duplicate(5, partition=0, offset=4)
    rows.dead_letter(5)
    rows.dead_letter(6, state="dropped")
    rows.tombstone("erased", partition=0, offset=7)
    rows.message(9, ticket_id=1, account="sales", partition=1, offset=0)
    rows.offset(8)
    rows.offset(1, partition=1)


async def test_every_outcome_is_counted_once(database: str, rows: StoreRows) -> None:
    one_of_each(rows)
    rows.run("insert into refusals values ('2026-03-01', 'sales', 'size', 3), ('2026-03-02', '', 'unknown', 2)")
    found = await ledger(database, ends(10, 1))
    shown = found.as_json()
    assert json.loads(json.dumps(shown)) == shown
    counts = {key: value for key, value in shown.items() if key not in ("accounts", "irregularities", "diagnosis")}
    assert counts == {
        "accepted": 11,
        "ticketed": 2,
        "held": 1,
        "dead_lettered": 1,
        "duplicates": 1,
        "noted": 1,
        "discarded": 2,
        "erased": 1,
        "in_flight": 2,
        "refused": 5,
        "balanced": True,
    }
    assert [account["account"] for account in shown["accounts"]] == ["", "sales", "support"]
    assert shown["accounts"][1]["ticketed"] == 1
    assert shown["accounts"][1]["refused"] == 3
    assert shown["diagnosis"] == ""


async def test_an_empty_system_is_balanced(database: str) -> None:
    assert (await ledger(database, ends(0, 0, 0))).balanced


async def test_outbound_messages_are_not_deliveries(database: str, rows: StoreRows) -> None:
    rows.ticket(1)
    rows.message(1, ticket_id=1, direction="out")
    assert (await ledger(database, ends(0))).balanced


@pytest.mark.parametrize("message", [1, 3, 4, 9])
async def test_a_deleted_message_row_is_missed(database: str, rows: StoreRows, message: int) -> None:
    one_of_each(rows)
    ((partition, offset),) = rows.run('delete from messages where id = %s returning partition, "offset"', message)
    found = await ledger(database, ends(10, 1))
    assert found.as_json()["balanced"] is False
    (place,) = found.irregularities
    assert (place.trouble, place.partition, place.first, place.last) == (Trouble.MISSING, partition, offset, offset)
    assert f"is 1 instead of 0: partition {partition}, offsets {offset} to {offset}: were routed" in found.diagnosis


async def test_missing_ranges_are_told_together(database: str, rows: StoreRows) -> None:
    rows.offset(100)
    rows.message(1, state="noted", partition=0, offset=50)
    found = await ledger(database, ends(100))
    assert [(place.first, place.last) for place in found.irregularities] == [(0, 49), (51, 99)]


async def test_one_too_many_does_not_hide_one_too_few(database: str, rows: StoreRows) -> None:
    rows.message(1, state="noted", partition=0, offset=0)
    rows.message(2, state="noted", partition=0, offset=0)
    rows.offset(2)
    found = await ledger(database, ends(2))
    assert not found.balanced
    assert [(place.trouble, place.first) for place in found.irregularities] == [
        (Trouble.DOUBLED, 0),
        (Trouble.MISSING, 1),
    ]


async def test_an_outcome_ahead_of_the_stored_offset_is_told(database: str, rows: StoreRows) -> None:
    rows.message(1, state="noted", partition=0, offset=0)
    found = await ledger(database, ends(1))
    assert [place.trouble for place in found.irregularities] == [Trouble.AHEAD]


async def test_a_delivery_without_an_offset_is_told(database: str, rows: StoreRows) -> None:
    rows.message(1, state="noted")
    found = await ledger(database, ends(0))
    assert not found.balanced
    assert "1 outcomes do not say from which offset they came" in found.diagnosis


async def test_a_log_that_ends_before_the_stored_offset_is_told(database: str, rows: StoreRows) -> None:
    one_of_each(rows)
    found = await ledger(database, ends(5, 1))
    assert not found.balanced
    assert "partition 0, offsets 5 to 7: were routed, but the log ends before them" in found.diagnosis


async def test_a_running_system_is_never_called_unbalanced(database: str, rows: StoreRows) -> None:
    rows.offset(0)
    log_end = 0
    done = False

    async def answer() -> list[End]:
        await asyncio.sleep(0)
        return [End(0, log_end)]

    async def route() -> None:
        nonlocal log_end, done
        async with await AsyncConnection.connect(database) as connection:
            for offset in range(150):
                log_end = offset + 3
                async with connection.transaction():
                    await write_outcome(connection, offset)
        done = True

    writer = asyncio.create_task(route())
    looks = 0
    while not done:
        found = await ledger(database, answer)
        assert found.balanced, found.diagnosis
        looks += 1
    await writer
    assert looks > 5


async def write_outcome(connection: AsyncConnection[tuple[object, ...]], offset: int) -> None:
    columns = 'id, delivery_key, kind, account, raw_sha256, raw_size, received_at, partition, "offset"'
    insert = f"insert into duplicates ({columns}) values (%s, '', 'duplicate', 'support', '', 0, now(), 0, %s)"  # noqa: S608 - constants
    await connection.execute(insert, [offset, offset])
    await connection.execute("update consumer_offsets set next_offset = %s where partition = 0", [offset + 1])


async def test_the_count_of_messages_reads_an_index_only(database: str, rows: StoreRows) -> None:
    rows.run(
        "insert into messages (id, state, kind, channel, account, scope, delivery_key, sender_key, received_at,"
        ' sender_address, normalizer_version, raw_sha256, raw_size, details, decision, partition, "offset", body_text)'
        " select n, 'noted', 'message', 'mail', 'support', 'support', '', '', now(), '', 1, '', 0, '{}', '{}', 0, n,"
        " repeat('text ', 200) from generate_series(0, 5000) n"
    )
    rows.run("vacuum analyze messages")
    with psycopg.connect(database) as connection:
        plan = connection.execute(
            "explain select state, account, partition, count(*), sum(\"offset\") from messages where direction = 'in'"
            " group by state, account, partition"
        ).fetchall()
    assert any("Index Only Scan using messages_place" in line for (line,) in plan), plan
