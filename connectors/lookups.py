"""Asks the system for addresses of names that strangers may have chosen, in threads of its own.

A name server that never answers holds a thread until the system gives up, and nothing can end that thread before. So
such look-ups have a pool of their own, a name has few places in it, and nobody waits longer than `seconds`: whoever
gave up leaves the place to the thread that still hangs, so that one name never has more threads than its places.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

THREADS: Final = 16
EACH: Final = 2
"""Look-ups of one name at a time."""
SECONDS: Final = 5.0
"""From asking to an answer, with the wait for a place."""

Ask = Callable[[str, int], Sequence[str]]


def asked_system(host: str, port: int) -> Sequence[str]:
    """Ask the system once, for as long as it takes. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Lookups:
    """Looks names up; meets `download_guard.Resolve`. Within one event loop alone."""

    def __init__(
        self, *, ask: Ask = asked_system, threads: int = THREADS, each: int = EACH, seconds: float = SECONDS
    ) -> None:
        self._ask = ask
        self._each = each
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="lookup")
        self._running: dict[str, set[asyncio.Task[Sequence[str]]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Give the addresses of a name. Raises `OSError`, and as one of those `TimeoutError` when it takes too long."""
        name = host.lower()
        async with asyncio.timeout(self._seconds):
            while len(running := self._running.get(name, set())) >= self._each:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            work = self._pool.submit(self._ask, host, port)
            task = self._started(name, work)
            try:
                await asyncio.wait({task})
            finally:
                work.cancel()  # of use while no thread has begun
            return task.result()

    def _started(self, name: str, work: Future[Sequence[str]]) -> asyncio.Task[Sequence[str]]:
        """Hold a place of the name until the thread is done, whoever waits for it."""

        async def watched() -> Sequence[str]:
            return await asyncio.wrap_future(work)

        def done(task: asyncio.Task[Sequence[str]]) -> None:
            self._running[name].discard(task)
            if not self._running[name]:
                del self._running[name]
            if not task.cancelled():
                task.exception()  # whoever gave up does not ask for it any more

        task = asyncio.create_task(watched(), name="lookup")
        self._running.setdefault(name, set()).add(task)
        task.add_done_callback(done)
        return task
