"""Counts what was never accepted, by day, account and reason: "refused" of the ledger.

Listeners refuse far more often than the store should be asked, so counts gather in memory and are written together. A
crash loses at most the counts since the last write; no delivery is lost with them, since none was accepted.
"""

from collections import Counter
from datetime import date, datetime
from typing import Final

from ticket_store.pool import Pool
from ticket_store.statements import statement

MOST_KINDS: Final = 1_000
"""Different days, accounts and reasons held at a time; what comes beyond counts under the account `""`."""


class RefusalCounter:
    """Counts refusals and writes them when told to, every second or so and at the end. One event loop's."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool
        self._counts: Counter[tuple[date, str, str]] = Counter()

    def count(self, *, account: str, reason: str, at: datetime) -> None:
        """Count one. `account` is "" when it is for none of ours; `reason` is a word of ours, never a client's text."""
        key = (at.date(), account, reason)
        if len(self._counts) >= MOST_KINDS and key not in self._counts:
            key = (at.date(), "", "other")
        self._counts[key] += 1

    @property
    def unwritten(self) -> int:
        """Give how many are not in the store yet."""
        return self._counts.total()

    async def write(self) -> int:
        """Add what gathered to the store and say how many; after an error they are still here for the next time."""
        taken, self._counts = self._counts, Counter()
        if not taken:
            return 0
        try:
            await self._add(taken)
        except BaseException:
            self._counts.update(taken)
            raise
        return taken.total()

    async def _add(self, taken: Counter[tuple[date, str, str]]) -> None:
        keys = sorted(taken)
        parameters = {
            "days": [day for day, _, _ in keys],
            "accounts": [account for _, account, _ in keys],
            "reasons": [reason for _, _, reason in keys],
            "counts": [taken[key] for key in keys],
        }
        async with self._pool.connection() as connection:
            await connection.execute(statement("refusals", "add_refusals"), parameters)
