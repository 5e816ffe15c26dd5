"""The local blob store for those who store many small blobs: durable through a journal (`ticket_store.blobs_journal`).

The files are the same as without, under the same names, and are there when `put` returns: other processes read, touch
and remove them as ever. Only how they survive a power loss differs: by a journal, until the file system is synced.

A new blob needs no lock of its folder: its file is made only where there is none, and a removal that looked before
found nothing to remove. What is there already takes the old way, under the lock.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

import structlog

from schemas.message import BlobRef
from ticket_store.blobs_journal import MOST_ENTRY, MOST_SECONDS, Entry, Journal
from ticket_store.blobs_local import THREADS, LocalBlobStore

AT_A_TIME: Final = 64
"""Blobs that are written together when a journal is read after a crash."""

_log = structlog.get_logger(__name__)


class JournaledBlobStore(LocalBlobStore):
    """Blobs under `root`, as `LocalBlobStore`; `prepare` also writes what a crash left in journals."""

    def __init__(
        self,
        *,
        root: Path,
        threads: int = THREADS,
        sync: Callable[[int], None] = os.fsync,
        seconds: float = MOST_SECONDS,
    ) -> None:
        super().__init__(root=root, threads=threads, sync=sync)
        self._journal_folder = root / "journal"
        self._journal = Journal(folder=self._journal_folder, sync=sync, most_seconds=seconds)
        self._seconds = seconds
        self._tidying: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def put_many(self, contents: Sequence[bytes]) -> list[BlobRef]:
        """Store several at once, in the order given; see `LocalBlobStore.put_many`."""
        refs = await super().put_many(contents)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._tidy_by_time)
        if self._tidying is None and self._journal.is_due():
            self._tidy()
        return refs

    def close(self) -> None:
        """Finish what has begun, let the threads go, and leave no journal where the disk allows it."""
        if self._timer is not None:
            self._timer.cancel()
        super().close()
        with suppress(OSError):
            self._journal.tidy(all_of_it=True)

    def _tidy_by_time(self) -> None:
        """Let no segment grow old because nothing comes any more."""
        self._timer = None
        if self._tidying is None:
            self._tidy()

    def _tidy(self) -> None:
        with suppress(RuntimeError):  # the pool is closed
            self._tidying = asyncio.get_running_loop().run_in_executor(self._pool, self._tidied)
            self._tidying.add_done_callback(self._is_tidy)

    def _is_tidy(self, _: "asyncio.Future[None]") -> None:
        self._tidying = None

    def _tidied(self) -> None:
        try:
            self._journal.tidy()
        except OSError as error:
            _log.warning("the journal of the blob store stays", error=error.strerror)

    def _prepare(self, now: datetime) -> None:
        super()._prepare(now)
        self._journal_folder.mkdir(exist_ok=True)
        self._sync_folder(self._root)
        for path, entries in self._journal.left_over():
            for some in _batches(entries, AT_A_TIME):
                self._write_again(some)
            self._journal.forget(path)

    def _write_again(self, entries: Sequence[Entry]) -> None:
        """Write what is not there as a whole."""
        missing = [entry.content for entry in entries if not self._is_whole(entry)]
        if missing:
            super()._put(missing)

    def _is_whole(self, entry: Entry) -> bool:
        try:
            return self._path(entry.digest.hex()).read_bytes() == entry.content
        except FileNotFoundError:
            return False

    def _put(self, contents: Sequence[bytes]) -> list[BlobRef]:
        digests = [sha256(content).digest() for content in contents]
        pairs = dict(zip(digests, contents, strict=True))
        small = [Entry(digest=digest, content=body) for digest, body in pairs.items() if len(body) <= MOST_ENTRY]
        rest = [body for body in pairs.values() if len(body) > MOST_ENTRY]
        if small:
            segment = self._journal.begin(small)
            try:
                rest += [entry.content for entry in small if not self._made(entry)]
            finally:
                self._journal.end(segment)
        if rest:
            super()._put(rest)
        return [BlobRef(sha256=d.hex(), size=len(content)) for d, content in zip(digests, contents, strict=True)]

    def _made(self, entry: Entry) -> bool:
        """Make the blob's file; False when there is one, which may be half a one."""
        name = self._name(entry.digest.hex())
        try:
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return False
        try:
            rest = memoryview(entry.content)
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        finally:
            os.close(file)
        return True


def _batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    each = iter(entries)
    while some := list(islice(each, size)):
        yield some
