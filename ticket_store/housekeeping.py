"""What the store forgets by itself, because nobody needs it any more."""

from datetime import datetime
from typing import Final

from ticket_store.pool import Pool
from ticket_store.statements import statement

AT_ONCE: Final = 1_000


async def forget_paces(pool: Pool, *, before: datetime) -> int:
    """Forget the paces of conversations that have been free since before that moment; give how many."""
    async with pool.connection() as connection:
        cursor = await connection.execute(statement("housekeeping", "forget_paces"), {"before": before})
        return len(await cursor.fetchall())


async def forget_addresses(pool: Pool, *, before: datetime) -> int:
    """Take the addresses out of notices that were settled before that moment; give how many."""
    forgotten = 0
    while True:
        async with pool.connection() as connection:
            which = {"before": before, "limit": AT_ONCE}
            cursor = await connection.execute(statement("housekeeping", "forget_addresses"), which)
            found = len(await cursor.fetchall())
        forgotten += found
        if found < AT_ONCE:
            return forgotten
