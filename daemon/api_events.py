"""The feed of ticket events for the API."""

from collections.abc import Sequence
from typing import Final

from console.api.ports import Accounts
from console.api.problems import UnavailableError
from daemon.adapters import STORE_ERRORS
from ticket_store.feed import EventFeed, ReadEvent

PAGE: Final = 100


class ApiEvents:
    """Reads the feed, page by page, so that a slow reader holds nothing in memory."""

    def __init__(self, *, feed: EventFeed) -> None:
        self._feed = feed

    async def after(self, accounts: Accounts, position: int) -> Sequence[ReadEvent]:
        """Give the next events that may be seen."""
        try:
            return await self._feed.after(position, accounts=accounts, limit=PAGE)
        except STORE_ERRORS as error:
            raise UnavailableError from error

    async def ends(self) -> tuple[int, int]:
        """Give the oldest position that is kept and the newest one."""
        try:
            found = await self._feed.ends()
        except STORE_ERRORS as error:
            raise UnavailableError from error
        return found.oldest, found.newest
