"""When it is our turn to send to a conversation: the platform's pace, shared by all processes through the store."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from connectors.sending import SendPace
from router.sending import NotYetError
from ticket_store.parts import PostgresPaces

WAITED_FOR: Final = timedelta(seconds=2)
"""A turn that comes so soon is waited for with the send in hand; a later one gives the place to other conversations."""
TRIES: Final = 20
"""Turns that others may take before us until the place is given up."""
NO_PAUSE: Final = timedelta(0)
MOST_TOLD: Final = timedelta(hours=24)


class Turns:
    """The turns of one account. `sleep` takes seconds."""

    def __init__(
        self,
        *,
        account: str,
        pace: SendPace,
        paces: PostgresPaces,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._account = account
        self._pace = pace
        self._paces = paces
        self._clock = clock
        self._sleep = sleep

    async def take(self, chat: str, *, is_group: bool) -> None:
        """Wait for a turn that comes soon. Raises `NotYetError` when it does not."""
        every = self._every(is_group=is_group)
        for _ in range(TRIES):
            now = self._clock()
            turn = await self._paces.take(self._account, chat, every=every, now=now, latest=now + WAITED_FOR)
            if turn.at > now + WAITED_FOR:
                raise NotYetError("it waits for its turn: the platform takes no more now", until=turn.at)
            if turn.at > now:
                await self._sleep((turn.at - now).total_seconds())
            if turn.taken:
                return
        raise NotYetError("it waits for its turn: others go first", until=self._clock() + WAITED_FOR)

    async def told(self, chat: str, after: timedelta) -> datetime:
        """Remember that the platform told us to wait for so long, and give until when."""
        now = self._clock()
        until = now + min(max(after, timedelta(seconds=1)), MOST_TOLD)
        await self._paces.told_to_wait(self._account, chat, until=until, now=now)
        return until

    def _every(self, *, is_group: bool) -> tuple[timedelta, timedelta]:
        rate = self._pace.account_per_second
        account = timedelta(seconds=1 / rate) if rate else NO_PAUSE
        chat = self._pace.group_every if is_group else self._pace.chat_every
        return account, chat or NO_PAUSE
