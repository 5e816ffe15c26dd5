"""Whose turn it is to poll an account, and where it stands.

A turn is a lock of a PostgreSQL session, so that it passes on in the moment in which its process dies. A process that
lost its session without noticing yet can do no harm: the next one has written its name beside the cursor, in the
session that has the lock, and only that one's cursor and states are kept (decision 0026).
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from ticket_store.pool import CONNECT_SECONDS, Pool
from ticket_store.statements import statement

if TYPE_CHECKING:
    from psycopg.rows import TupleRow


class TurnLostError(Exception):
    """Another process polls this account now."""


class Turns:
    """The turns of one process, all in one session of its own. `holder` names the process; a new one every start."""

    def __init__(self, *, conninfo: str, pool: Pool, holder: UUID) -> None:
        self._conninfo = conninfo
        self._pool = pool
        self.holder = holder
        self._session: AsyncConnection[TupleRow] | None = None

    async def open(self) -> None:
        """Open the session. Raises `psycopg.OperationalError`."""
        self._session = await AsyncConnection.connect(
            self._conninfo, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="switchboard turns"
        )

    async def close(self) -> None:
        """End the session, and every turn with it."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(psycopg.Error):
                await session.close()

    async def check(self) -> None:
        """Ask whether the session lives. Raises `psycopg.OperationalError` when the turns are lost."""
        await self._ask("session_lives", {})

    async def take(self, account: str) -> bool:
        """Take the turn; False while another process has it. A turn is taken once, and left before it is taken anew."""
        return await self._ask("take_turn", {"account": account, "holder": self.holder})

    async def leave(self, account: str) -> None:
        """Give the turn back; nothing happens when the session is gone."""
        with suppress(psycopg.Error):
            await self._ask("leave_turn", {"account": account})

    async def load(self, account: str) -> Mapping[str, Any]:
        """Read the cursor; empty at the first start. Raises `TurnLostError`."""
        parameters = {"account": account, "holder": self.holder}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("cursors", "load_place"), parameters)
            row = await cursor.fetchone()
        if row is None:
            raise TurnLostError(account)
        return dict(row[0])

    async def save(self, account: str, cursor: Mapping[str, Any], *, at: datetime) -> None:
        """Keep the cursor, durably. Raises `TurnLostError`."""
        parameters = {"account": account, "holder": self.holder, "cursor": Jsonb(dict(cursor)), "at": at}
        async with self._pool.connection() as connection:
            done = await connection.execute(statement("cursors", "save_place"), parameters)
            if done.rowcount != 1:
                raise TurnLostError(account)

    async def _ask(self, name: str, parameters: Mapping[str, object]) -> bool:
        if self._session is None:
            raise psycopg.OperationalError("the session of turns is not open")
        cursor = await self._session.execute(statement("cursors", name), parameters)
        row = await cursor.fetchone()
        return bool(row and row[0])
