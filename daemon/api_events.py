"""The feed of ticket events for the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from console.api.ports import Accounts
from console.api.problems import UnavailableError
from daemon.adapters import STORE_ERRORS
from daemon.event_sight import seen_by
from ticket_store.feed import EventFeed, ReadEvent
from ticket_store.pool import Pool

PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPage:
    """Events as a token may see them, and where to go on."""

    events: Sequence[ReadEvent]
    position: int


class ApiEvents:
    """Reads the feed, page by page, so that a slow reader holds nothing in memory."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool
        self._feed = EventFeed(pool=pool)

    async def start(self, accounts: Accounts, last: int | None) -> tuple[int, bool]:
        """Give where a reader begins, and whether it has missed something."""
        try:
            found = await self._feed.start(last, accounts=accounts)
        except STORE_ERRORS as error:
            raise UnavailableError from error
        return found.position, found.gap

    async def page(self, accounts: Accounts, position: int) -> SeenPage:
        """Give the next events that may be seen, without numbers of tickets that may not."""
        try:
            found = await self._feed.page(position, accounts=accounts, limit=PAGE)
            return SeenPage(events=await seen_by(self._pool, accounts, found.events), position=found.position)
        except STORE_ERRORS as error:
            raise UnavailableError from error
