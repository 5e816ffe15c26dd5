"""All open pages of one account in this process: who shows which dialogue, and whom a new line concerns."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Final, Protocol

from connectors.base import LaterError
from connectors.dialogue import Dialogues

BATCH: Final = 1_000
"""Dialogues about which the store is asked at a time."""


class Open(Protocol):
    """One open page: a socket, or a request that waits for a line."""

    digest: str
    shown: int

    def poke(self) -> None:
        """Say that there may be a line beyond `shown`."""


class Hub:
    """Knows the pages; what it starts runs beside whoever called, and is kept until it ends."""

    def __init__(self, *, dialogues: Dialogues) -> None:
        self._dialogues = dialogues
        self._open: dict[str, set[Open]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking = False

    def enter(self, session: Open) -> None:
        """Take a page in."""
        self._open[session.digest].add(session)

    def leave(self, session: Open) -> None:
        """Let a page go."""
        there = self._open.get(session.digest)
        if there is not None:
            there.discard(session)
            if not there:
                del self._open[session.digest]

    def beside(self, session: Open) -> list[Open]:
        """Give the other pages of the same dialogue."""
        return [other for other in self._open.get(session.digest, ()) if other is not session]

    def hint(self, digest: str | None) -> None:
        """Hear that a dialogue has a new line, or that any may have one."""
        if digest is not None:
            for session in tuple(self._open.get(digest, ())):
                session.poke()
        elif self._open and not self._looking:
            self._looking = True
            self.start(self._look())

    def start(self, work: Coroutine[Any, Any, None], done: Callable[[], None] | None = None) -> None:
        """Run something beside; what it raises has been seen to by itself."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if done is not None:
            task.add_done_callback(lambda _: done())

    async def _look(self) -> None:
        """Ask the store where all open dialogues stand; the next round asks again if it does not answer."""
        try:
            for digests in _batches(list(self._open)):
                self._compare(await self._dialogues.standing(digests))
        except LaterError:
            pass
        finally:
            self._looking = False

    def _compare(self, standing: Mapping[str, int]) -> None:
        for digest, line in standing.items():
            for session in tuple(self._open.get(digest, ())):
                if session.shown < line:
                    session.poke()


def _batches(digests: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(digests), BATCH):
        yield digests[start : start + BATCH]
