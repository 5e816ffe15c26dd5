"""Messages that an older normalizer read: for reading their raw deliveries again."""

from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.routing_rows import HeldMessageRow
from ticket_store.statements import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """Which messages: of this channel, read by a normalizer before `version`; `since` is included, `until` is not."""

    channel: str
    version: int
    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    held: bool = False


async def count_outdated(connection: AsyncConnection[TupleRow], which: Outdated) -> int:
    """Count. Costs a scan of the messages."""
    cursor = await connection.execute(statement("replay", "count_outdated"), asdict(which))
    row = await cursor.fetchone()
    return row[0] if row else 0


async def outdated(
    connection: AsyncConnection[TupleRow], which: Outdated, *, after_id: int, limit: int
) -> list[HeldMessageRow]:
    """Give a page of them as they are stored, by id."""
    parameters = {**asdict(which), "after_id": after_id, "limit": limit}
    cursor = await connection.execute(statement("replay", "outdated"), parameters)
    return [HeldMessageRow(*row) for row in await cursor.fetchall()]
