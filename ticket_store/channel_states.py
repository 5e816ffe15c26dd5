"""What every account's intake last said of itself, written by whoever serves it and read by `switchboard channels`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from ticket_store.pool import Pool
from ticket_store.statements import statement

State = Literal["starting", "listening", "polling", "trouble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """One account. `problem` is for people; `seen_at` is when a process last said this.

    `holder` is who says it where only whoever has the turn (`ticket_store.cursors`) may.
    """

    account: str
    channel: str
    state: State
    problem: str
    since: datetime
    delivered_at: datetime | None
    seen_at: datetime
    holder: UUID | None = None


async def write_states(pool: Pool, states: Sequence[ChannelState]) -> None:
    """Keep them; the latest delivery that any process saw stays."""
    rows = sorted(states, key=lambda state: state.account)
    parameters = {
        "accounts": [row.account for row in rows],
        "channels": [row.channel for row in rows],
        "states": [row.state for row in rows],
        "problems": [row.problem for row in rows],
        "since": [row.since for row in rows],
        "delivered": [row.delivered_at for row in rows],
        "seen": [row.seen_at for row in rows],
        "holders": [row.holder for row in rows],
    }
    async with pool.connection(timeout=2) as connection:
        await connection.execute(statement("cursors", "write_states"), parameters)


async def read_states(pool: Pool) -> list[ChannelState]:
    """Give those of every account that was ever served."""
    async with pool.connection() as connection, connection.cursor(row_factory=class_row(ChannelState)) as cursor:
        await cursor.execute(statement("cursors", "read_states"))
        return await cursor.fetchall()
