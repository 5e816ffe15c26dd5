"""The pool bounds every wait; the instance row is one, whoever comes first."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.errors import QueryCanceled

from ticket_store.instance import Instance, read_or_create
from ticket_store.pool import Pool, make_pool


async def shown(pool: Pool, setting: str) -> str:
    async with pool.connection() as connection:
        cursor = await connection.execute("select current_setting(%s)", [setting])
        (value,) = await cursor.fetchone() or ("",)
        return str(value)


async def test_sessions_say_who_they_are_and_have_time_outs(database: str) -> None:
    async with make_pool(database, name="router", lock_timeout=timedelta(seconds=3)) as pool:
        assert await shown(pool, "application_name") == "switchboard router"
        assert await shown(pool, "lock_timeout") == "3s"
        assert await shown(pool, "statement_timeout") == "1min"
        assert await shown(pool, "idle_in_transaction_session_timeout") == "1min"


async def test_a_statement_that_takes_too_long_is_ended(database: str) -> None:
    async with make_pool(database, name="test", statement_timeout=timedelta(milliseconds=50)) as pool:
        with pytest.raises(QueryCanceled):
            async with pool.connection() as connection:
                await connection.execute("select pg_sleep(5)")


async def test_behind_pgbouncer_nothing_is_left_in_the_session(database: str) -> None:
    async with make_pool(database, name="test", pgbouncer=True) as pool:
        assert await shown(pool, "statement_timeout") == "0"
        for _ in range(10):
            await shown(pool, "work_mem")
        async with pool.connection() as connection:
            cursor = await connection.execute("select count(*) from pg_prepared_statements")
            assert await cursor.fetchone() == (0,)


async def test_a_connection_that_the_server_ended_is_replaced(database: str) -> None:
    async with make_pool(database, name="test", max_size=1) as pool:
        async with pool.connection() as connection:
            pid = connection.info.backend_pid
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s, 5000)", [pid])
        assert await shown(pool, "application_name") == "switchboard test"


async def test_the_first_come_makes_the_instance_and_all_others_read_it(database: str) -> None:
    async def ask() -> Instance:
        async with await AsyncConnection.connect(database) as connection:
            return await read_or_create(connection)

    found = await asyncio.gather(*(ask() for _ in range(12)))
    assert len(set(found)) == 1
    assert len(found[0].ticket_number_key) == 32
    assert found[0].source == f"/switchboard/{found[0].instance_id}"


async def test_the_key_is_not_shown(database: str) -> None:
    async with make_pool(database, name="test") as pool, pool.connection() as connection:
        instance = await read_or_create(connection)
    assert "key" not in repr(instance)
