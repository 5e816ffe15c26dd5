"""Statements of the PostgreSQL log touch what they need, however large the log and however young its statistics."""

import re
from collections.abc import AsyncIterator

import pytest
from bus_reading import filled_topic, records
from postgres_server import query

from bus.postgres import PostgresLog
from bus.postgres_append import _parameters, prepare
from bus.postgres_session import run
from bus.postgres_statements import log_statement

FILL = """
insert into log_records (topic_id, partition, "offset", key, value, headers)
select t.id, p, o, 'key', repeat('x', 1000)::bytea, ''
from log_topics t, generate_series(0, 3) p, generate_series(0, 9999) o
"""


@pytest.fixture(params=["young statistics", "fresh statistics"])
async def full_log(database: str, request: pytest.FixtureRequest) -> AsyncIterator[tuple[PostgresLog, str]]:
    log = PostgresLog(conninfo=database)
    topic = await filled_topic(log, partitions=4)
    query(database, FILL)
    query(database, "update log_partitions set next_offset = 10000")
    if request.param == "fresh statistics":
        query(database, "analyze")
    yield log, topic
    await log.close()


async def _plan(log: PostgresLog, name: str, parameters: dict[str, object]) -> tuple[str, int]:
    async with log._session.use() as connection, connection.transaction(force_rollback=True):
        rows = await run(connection, "explain (analyze, buffers) " + log_statement(name), parameters)
    text = "\n".join(row["QUERY PLAN"] for row in rows)
    touched = re.search(r"Buffers: shared hit=(\d+)(?: read=(\d+))?", text)
    assert touched is not None
    return text, int(touched[1]) + int(touched[2] or 0)


async def test_a_fetch_reads_its_ranges_by_index(full_log: tuple[PostgresLog, str]) -> None:
    log, topic = full_log
    where = {"topic_id": (await log._topics.get(topic)).id, "max_bytes": 16_000_000}
    ranges = {"partitions": [0, 1, 2, 3], "firsts": [9000] * 4, "untils": [9100] * 4}
    plan, touched = await _plan(log, "read", {**where, **ranges})
    assert "Seq Scan on log_records" not in plan
    assert '"offset" >= wanted.first' in plan.split("Index Cond", 1)[1]
    assert touched < 400


async def test_an_append_touches_no_old_record(full_log: tuple[PostgresLog, str]) -> None:
    log, topic = full_log
    batch = [prepare(await log._topics.get(topic), records(200))]
    plan, touched = await _plan(log, "append", dict(_parameters(batch)))
    assert "Scan on log_records" not in plan
    assert touched < 3000


async def test_retention_reads_only_its_chunk(full_log: tuple[PostgresLog, str]) -> None:
    log, topic = full_log
    where = {"topic_id": (await log._topics.get(topic)).id, "partition": 2}
    _, touched = await _plan(log, "oldest", {**where, "floor": 9000, "keep_hours": 0.0, "chunk": 100})
    assert touched < 100
    plan, touched = await _plan(log, "delete_records", {**where, "first": 100, "until": 200})
    assert "Seq Scan" not in plan
    assert touched < 400
