"""A request that waits for a line of its dialogue (long poll): answered at once when one comes, else after a while."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from connectors.dialogue import Dialogues
from connectors.page_hub import Hub
from schemas.dialogue_rows import DialogueLine

WAIT_SECONDS: Final = 25.0
SLICE: Final = 1.0
"""Seconds after which a waiting request looks whether its page is still there, and whether we stop."""
MOST_LINES: Final = 100


class Waiter:
    """One waiting request. Meets `page_hub.Open`."""

    def __init__(self, *, digest: str, shown: int) -> None:
        self.digest = digest
        self.shown = shown
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Hear that there may be a line."""
        self._poked.set()

    async def poked(self, seconds: float) -> bool:
        """Wait for it, so long at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._poked.wait()
        except TimeoutError:
            return False
        self._poked.clear()
        return True


async def news(
    dialogues: Dialogues, hub: Hub, waiter: Waiter, *, goes_on: Callable[[], Awaitable[bool]]
) -> Sequence[DialogueLine]:
    """Give the lines after those shown, or none when none came in time. Raises what `goes_on` and the store raise."""
    clock = asyncio.get_running_loop().time
    end = clock() + WAIT_SECONDS
    hub.enter(waiter)
    try:
        while True:
            found = await dialogues.after(waiter.digest, waiter.shown, most=MOST_LINES)
            if found:
                return found
            while not await waiter.poked(SLICE):
                if clock() >= end or not await goes_on():
                    return ()
    finally:
        hub.leave(waiter)
