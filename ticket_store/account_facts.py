"""How accounts fare: deliveries that were refused, platforms that told us to wait, and what waits to be sent."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from ticket_store.pool import Pool
from ticket_store.statements import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """One account. `refused` counts today's refused deliveries by reason; `paused_until` is None while nobody waits.

    `waiting` counts messages of ours that are not sent yet, the oldest of them written at `waiting_since`.
    """

    account: str
    refused: Mapping[str, int]
    paused_until: datetime | None
    waiting: int
    waiting_since: datetime | None


async def account_facts(pool: Pool, accounts: Collection[str], *, now: datetime) -> Mapping[str, AccountFacts]:
    """Give the facts of these accounts by their names; days are those of UTC."""
    which = {"accounts": sorted(accounts), "now": now, "day": now.date()}
    async with pool.connection() as connection, connection.cursor(row_factory=class_row(AccountFacts)) as cursor:
        await cursor.execute(statement("account_facts", "account_facts"), which)
        return {row.account: row for row in await cursor.fetchall()}
