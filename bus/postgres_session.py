"""One connection of the PostgreSQL log, made anew after every trouble, and what its errors mean."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.array import ListBinaryDumper

from bus.port import BusError, BusUnavailableError
from bus.postgres_statements import log_statement

Connection = psycopg.AsyncConnection[DictRow]

RECORD_FAULTS = ("22", "23", "54")
"""SQLSTATE classes that are the record's own fault: data, constraints, limits."""


class RecordFaultError(BusError):
    """PostgreSQL refuses something in the statement's data, and would again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. A lock or statement that takes longer means "later"; `whole` bounds a server that says nothing."""

    connect: int = 5
    lock: float = 5.0
    statement: float = 30.0
    whole: float = 40.0


class Session:
    """A connection for one use at a time. Autocommit: statements stand alone unless a transaction is opened."""

    def __init__(self, *, conninfo: str, timeouts: Timeouts, purpose: str) -> None:
        self._conninfo = conninfo
        self._timeouts = timeouts
        self._name = f"switchboard {purpose}"
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def use(self, *, longer: float = 0) -> AsyncIterator[Connection]:
        """Give the connection. Trouble becomes `BusUnavailableError`, or `RecordFaultError` when data is refused.

        A server that says nothing is given up after `whole` seconds, and `longer` where the caller means to wait.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeouts.whole + longer):
                    yield await self._connected()
            except psycopg.Error as error:
                await self._discard()
                raise _meaning(error) from error
            except TimeoutError as error:
                await self._discard()
                raise BusUnavailableError(f"PostgreSQL did not answer in {self._timeouts.whole:g} s") from error
            except asyncio.CancelledError:
                await self._discard()  # who knows in what state a statement was left
                raise

    async def rows(self, statement: str, parameters: dict[str, Any] | None = None) -> list[DictRow]:
        """Run one statement and give its rows, if it has any."""
        async with self.use() as connection:
            return await run(connection, statement, parameters)

    async def close(self) -> None:
        """Let go of the connection; the next use makes a new one."""
        async with self._turn:
            await self._discard()

    async def _connected(self) -> Connection:
        if self._connection is not None and not _alive(self._connection):
            await self._discard()
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                self._conninfo,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=self._timeouts.connect,
                application_name=self._name,
            )
            self._connection.adapters.register_dumper(list, ListBinaryDumper)  # as text, bytes would be hexadecimal
            times = {"lock": _milliseconds(self._timeouts.lock), "statement": _milliseconds(self._timeouts.statement)}
            await self._connection.execute(log_statement("settings"), times)
        return self._connection

    async def _discard(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def run(connection: Connection, statement: str, parameters: dict[str, Any] | None = None) -> list[DictRow]:
    """Run one statement and give its rows, if it has any; values travel binary."""
    cursor = await connection.execute(statement, parameters, binary=True)
    return await cursor.fetchall() if cursor.description else []


def _alive(connection: Connection) -> bool:
    """Whether the server still holds the other end, so that a restart while idle costs no statement its outcome."""
    if connection.closed:
        return False
    try:
        connection.pgconn.consume_input()  # a server that goes says goodbye first,
        connection.pgconn.consume_input()  # and only behind it stands the end of the stream
    except psycopg.OperationalError:
        return False
    return True


def _milliseconds(seconds: float) -> str:
    return str(max(1, int(seconds * 1000)))


def _meaning(error: psycopg.Error) -> BusError:
    """Say whose fault it is; the text names no value, because values are what customers wrote."""
    state = error.sqlstate or ""
    if state[:2] in RECORD_FAULTS and state != "23505":  # a taken offset is damage in the log, not a bad record
        return RecordFaultError(f"PostgreSQL refuses a record (SQLSTATE {state})")
    if state == "42P01":
        return BusUnavailableError("the tables of the log are missing: run `switchboard migrate`")
    return BusUnavailableError(f"PostgreSQL: {type(error).__name__} (SQLSTATE {state or 'none'})")
