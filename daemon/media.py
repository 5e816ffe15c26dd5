"""Fetches files that lie at platforms into the blob store: early, again and again, and never from anywhere else.

Each account has places of its own, so that a platform that hangs or is down delays no other account.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from connectors.download import Downloader, TooLargeError
from connectors.sending import ChannelDownError, Fetcher, SendFailedError, SendLaterError
from router.fetched import Fetched, Outcome
from schemas.base import MAX_FILE_BYTES
from schemas.media_rows import DueFetch
from schemas.message import BlobRef, FileState
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.media import FetchQueue

AT_ONCE: Final = 3
"""Files of one account at a time: at most so many times 20 MiB in memory."""
LEASE: Final = timedelta(minutes=5)
POLL: Final = 1.0
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=10)
PATIENCE: Final = timedelta(hours=24)
TOO_LARGE: Final = "the file is over the limit of 20 MiB"
GIVEN_UP: Final = "it could not be fetched in time: "

_log = structlog.get_logger(__name__)


class MediaMetrics(Protocol):
    """Hears what became of files."""

    def fetched(self, account: str, state: str) -> None:
        """Count a file that is stored, refused, failed or told later."""
        ...


class FetchJob:
    """Works until it is cancelled. Several may run; each file is one's at a time."""

    def __init__(
        self,
        *,
        fetchers: Mapping[str, Fetcher],
        queue: FetchQueue,
        blobs: LocalBlobStore,
        fetched: Fetched,
        downloader: Downloader,
        clock: Callable[[], datetime],
        store_errors: tuple[type[Exception], ...],
        metrics: MediaMetrics,
    ) -> None:
        self._fetchers = fetchers
        self._queue = queue
        self._blobs = blobs
        self._fetched = fetched
        self._downloader = downloader
        self._clock = clock
        self._store_errors = store_errors
        self._metrics = metrics
        self._flight: dict[asyncio.Task[None], str] = {}
        self._landed = asyncio.Event()

    async def run(self) -> None:
        """Fetch what is due. Cancelling is safe: what was in hand is fetched again when its claim runs out."""
        try:
            while True:
                self._landed.clear()
                try:
                    self._reap()
                    await self._take_off()
                except self._store_errors as error:
                    _log.warning("fetching_waits", problem=type(error).__name__)
                await self._wait()
        finally:
            for task in self._flight:
                task.cancel()

    async def round(self) -> int:
        """Fetch what is due once, and say how many there were."""
        started = await self._take_off()
        if self._flight:
            await asyncio.wait(self._flight)
        self._reap()
        return started

    async def _take_off(self) -> int:
        busy = Counter(self._flight.values())
        rooms = {name: AT_ONCE - busy[name] for name in self._fetchers if busy[name] < AT_ONCE}
        if not rooms:
            return 0
        now = self._clock()
        due = await self._queue.claim(rooms=rooms, now=now, until=now + LEASE)
        for fetch in due:
            task = asyncio.create_task(self._fetch(fetch))
            self._flight[task] = fetch.account
            task.add_done_callback(lambda _: self._landed.set())
        return len(due)

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._landed.wait(), POLL)
        except TimeoutError:
            return

    def _reap(self) -> None:
        done = [task for task in self._flight if task.done()]
        for task in done:
            del self._flight[task]
        for error in [task.exception() for task in done]:
            if error is not None:
                raise error

    async def _fetch(self, fetch: DueFetch) -> None:
        try:
            outcome = Outcome(state=FileState.STORED, blob=await self._bring(fetch))
        except TooLargeError as error:
            outcome = Outcome(state=FileState.REFUSED, size=error.size or MAX_FILE_BYTES + 1, reason=TOO_LARGE)
        except SendFailedError as error:
            outcome = Outcome(state=FileState.FAILED, reason=str(error))
        except (SendLaterError, ChannelDownError) as error:
            await self._later(fetch, str(error), after=getattr(error, "after", None))
            return
        except OSError as error:
            await self._later(fetch, f"the blob store: {error.strerror or 'damaged'}", after=None)
            return
        except Exception as error:
            if isinstance(error, self._store_errors):
                raise
            _log.exception("fetch_failed", message_id=fetch.message_id, problem=type(error).__name__)
            await self._later(fetch, f"an unexpected problem: {type(error).__name__}", after=None)
            return
        await self._settle(fetch, outcome)

    async def _bring(self, fetch: DueFetch) -> BlobRef:
        """Give the blob: the one of an earlier fetch if it is still there, else a new one, stored durably."""
        if fetch.sha256 is not None and fetch.size is not None and await self._blobs.touch(fetch.sha256):
            return BlobRef(sha256=fetch.sha256, size=fetch.size)
        raw = await self._blobs.get(fetch.raw_sha256)
        remote = await self._fetchers[fetch.account].locate(raw, fetch.platform_id)
        return await self._blobs.put(await self._downloader.get(remote))

    async def _later(self, fetch: DueFetch, problem: str, *, after: timedelta | None) -> None:
        now = self._clock()
        if now - fetch.created_at >= PATIENCE:
            await self._settle(fetch, Outcome(state=FileState.FAILED, reason=f"{GIVEN_UP}{problem}"))
            return
        pause = min(FIRST_PAUSE * 2 ** min(fetch.attempt - 1, 20), LONGEST_PAUSE)
        await self._queue.later(fetch, due_at=now + max(pause, after or pause), problem=problem[:500])
        self._metrics.fetched(fetch.account, "later")

    async def _settle(self, fetch: DueFetch, outcome: Outcome) -> None:
        if await self._fetched.settle(fetch, outcome):
            self._metrics.fetched(fetch.account, outcome.state)
