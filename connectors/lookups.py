"""Asks the system for addresses of names that strangers may have chosen, in threads of its own.

A name server that never answers holds a thread until the system gives up, and nothing can end that thread before. So
such look-ups have a pool of their own, a name has few places in it and so have all names of one registrable domain,
and nobody waits longer than `seconds`: whoever gave up leaves the place to the thread that still hangs, so that one
owner never has more threads than these. Many owners together leave some threads to names that answered lately.
"""

import asyncio
import socket
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

from publicsuffixlist import PublicSuffixList

THREADS: Final = 16
EACH: Final = 2
"""Look-ups of one name at a time."""
OWNED: Final = 4
"""Look-ups of all names of one registrable domain at a time."""
KEPT: Final = 4
"""Threads for names that answered lately; they may use the others, too."""
LATELY: Final = 24 * 3600.0
MOST_KNOWN: Final = 4096
"""Names that are remembered as having answered."""
SECONDS: Final = 5.0
"""From asking to an answer, with the wait for a place."""

Ask = Callable[[str, int], Sequence[str]]


def asked_system(host: str, port: int) -> Sequence[str]:
    """Ask the system once, for as long as it takes. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def owner_of(name: str) -> str:
    """Give the registrable domain of a name; the name itself when it has none."""
    return _suffixes().privatesuffix(name) or name


class Lookups:
    """Looks names up; meets `download_guard.Resolve`. Within one event loop alone."""

    def __init__(
        self,
        *,
        ask: Ask = asked_system,
        threads: int = THREADS,
        each: int = EACH,
        owned: int = OWNED,
        kept: int = KEPT,
        seconds: float = SECONDS,
    ) -> None:
        self._ask = ask
        self._places = _Places(threads=threads, each=each, owned=owned, kept=kept)
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="lookup")
        self._running: set[asyncio.Task[Sequence[str]]] = set()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Give the addresses of a name. Raises `OSError`, and as one of those `TimeoutError` when it takes too long."""
        name = host.lower().removesuffix(".")
        async with asyncio.timeout(self._seconds):
            while not self._places.take(name):
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            task = self._started(name, host, port)
            try:
                await asyncio.wait({task})
            finally:
                if not task.done():
                    self._places.forget(name)
            return task.result()

    def _started(self, name: str, host: str, port: int) -> asyncio.Task[Sequence[str]]:
        """Hold a place of the name until the thread is done, whoever waits for it."""
        work = self._pool.submit(self._ask, host, port)

        async def watched() -> Sequence[str]:
            return await asyncio.wrap_future(work)

        def done(task: asyncio.Task[Sequence[str]]) -> None:
            self._running.discard(task)
            has_answered = not task.cancelled() and task.exception() is None  # asked for: who gave up does not
            self._places.give_back(name, has_answered=has_answered)

        task = asyncio.create_task(watched(), name="lookup")
        self._running.add(task)
        task.add_done_callback(done)
        return task


class _Places:
    """Who may have a thread. A place is taken only while a thread is free, so that nothing waits in the pool itself."""

    def __init__(self, *, threads: int, each: int, owned: int, kept: int) -> None:
        self._threads, self._each, self._owned = threads, each, owned
        self._open = max(1, threads - kept)
        self._names: Counter[str] = Counter()
        self._owners: Counter[str] = Counter()
        self._known: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str) -> bool:
        """Take a place; False when the name has none now."""
        owner = owner_of(name)
        if self._names[name] >= self._each or self._owners[owner] >= self._owned:
            return False
        if self._names.total() >= (self._threads if self._is_known(name) else self._open):
            return False
        self._names[name] += 1
        self._owners[owner] += 1
        return True

    def give_back(self, name: str, *, has_answered: bool) -> None:
        """Let the place go, and remember whether the name answers; one that fails does not lose what it had."""
        for counter, key in ((self._names, name), (self._owners, owner_of(name))):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
        if has_answered:
            self._known[name] = time.monotonic()
            self._known.move_to_end(name)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)

    def forget(self, name: str) -> None:
        """Treat a name that keeps people waiting as one that never answered."""
        self._known.pop(name, None)

    def _is_known(self, name: str) -> bool:
        at = self._known.get(name)
        return at is not None and time.monotonic() - at < LATELY
