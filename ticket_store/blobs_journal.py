"""A journal in front of files: many small blobs are durable after one sync of one file, whatever becomes of their own.

A sync a file takes milliseconds, and a webhook's body is a kilobyte. So bodies that come together are appended to a
segment of the journal, which is synced once; their own files are written without a sync. When a segment is large or
old, the whole file system is synced once (syncfs) and the segment removed. What a crash leaves is read by the next
start: every entry whose file is missing or not whole is written again.

    <root>/journal/<process>-<number>     entries: magic, sha256, size, bytes; the digest tells where a torn end begins

The owner of a segment holds its lock (flock) as long as it lives, so nobody reads what is still being written. A blob
that was removed less than a minute before a power loss may come back; nothing names it, and collection takes it.
"""

import ctypes
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final
from uuid import uuid4

MOST_ENTRY: Final = 512 * 1024
"""Bytes of a blob; larger ones are synced by themselves. A mail of 256 KB and its file in base64 still fit."""
MOST_SEGMENT: Final = 128 * 1024 * 1024
"""Bytes of a segment after which the next one begins."""
MOST_SECONDS: Final = 60.0
"""Age of a segment after which the next one begins, when anything comes or the owner looks."""

_MAGIC: Final = b"SBJ1"
_SIZE: Final = 8
_AT_ONCE: Final = 1000
"""Pieces of one writev(2); systems take 1,024 (IOV_MAX)."""
_HEAD: Final = len(_MAGIC) + 32 + _SIZE

Sync = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One blob of a segment."""

    digest: bytes
    content: bytes


@dataclass(slots=True, kw_only=True)
class Segment:
    """One file of the journal. `users` are puts whose own files are not all written yet."""

    path: Path
    file: int
    began: float
    written: int = 0
    synced: int = 0
    users: int = 0
    broken: bool = False
    syncing: threading.Lock = field(default_factory=threading.Lock)


class Journal:
    """The journal of one process. Safe for several threads; every call may wait for the disk.

    `sync` syncs a file or folder; `settle` makes durable all that was ever written to the file system of a folder.
    """

    def __init__(
        self,
        *,
        folder: Path,
        sync: Sync = os.fdatasync,
        settle: Callable[[Path], None] | None = None,
        most_bytes: int = MOST_SEGMENT,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self._folder = folder
        self._sync = sync
        self._settle = settle or sync_file_system
        self._most_bytes = most_bytes
        self._most_seconds = most_seconds
        self._own = uuid4().hex
        self._numbers = count()
        self._lock = threading.Lock()
        self._current: Segment | None = None
        self._retired: list[Segment] = []

    def begin(self, entries: Sequence[Entry]) -> Segment:
        """Make blobs durable, together. `end` must follow when their own files are written. Raises `OSError`."""
        pieces = [piece for entry in entries for piece in (_head(entry), entry.content)]
        with self._lock:
            segment = self._current = self._current or self._open()
            segment.users += 1
            end = segment.written + sum(map(len, pieces))
            try:
                _write(segment.file, pieces)
            except OSError:
                self._give_up(segment)
                raise
            segment.written = end
        try:
            self._sync_to(segment, end)
        except OSError:
            with self._lock:
                self._give_up(segment)
            raise
        return segment

    def end(self, segment: Segment) -> None:
        """Say that the files of one `begin` are written; whether they are on the disk does not matter."""
        with self._lock:
            segment.users -= 1

    def tidy(self, *, all_of_it: bool = False) -> None:
        """Begin a new segment where this one is large or old (or in any case), and remove those that nobody needs.

        Raises `OSError` when the disk does not take what it was given; then they stay, for the next call or start.
        """
        with self._lock:
            current = self._current
            if current is not None and (all_of_it or self._is_full(current)):
                self._current = None
                self._retired.append(current)
            ready = [segment for segment in self._retired if not segment.users]
        if not ready:
            return
        self._settle(self._folder)
        for segment in ready:
            self._remove(segment)

    def is_due(self) -> bool:
        """Say whether `tidy` would do anything."""
        current = self._current
        return bool(self._retired) or (current is not None and self._is_full(current))

    def left_over(self) -> Iterator[tuple[Path, Iterator[Entry]]]:
        """Give segments whose owner is gone, with their entries. Remove each by `forget` once its blobs are durable."""
        for path in sorted(self._folder.iterdir()):
            with suppress(FileNotFoundError):  # another start was quicker
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield path, _entries(file)
                except BlockingIOError:
                    continue
                finally:
                    os.close(file)

    def forget(self, path: Path) -> None:
        """Sync the file system and remove a segment that was left over. Raises `OSError`."""
        self._settle(self._folder)
        path.unlink(missing_ok=True)

    def _open(self) -> Segment:
        """Begin a segment; another start may have taken it for left over before it was locked, and removed it."""
        while True:
            segment = self._locked()
            if os.fstat(segment.file).st_nlink:
                return segment
            os.close(segment.file)

    def _locked(self) -> Segment:
        path = self._folder / f"{self._own}-{next(self._numbers)}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            _sync_folder(self._folder, self._sync)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        return Segment(path=path, file=file, began=time.monotonic())

    def _sync_to(self, segment: Segment, end: int) -> None:
        """Sync what is written up to `end`. One at a time: a failed sync is told only once, and all must hear of it."""
        with segment.syncing:
            if segment.broken:
                raise OSError(5, "an earlier write to the journal failed")
            if segment.synced >= end:
                return
            written = segment.written
            try:
                self._sync(segment.file)
            except OSError:
                segment.broken = True
                raise
            segment.synced = written

    def _give_up(self, segment: Segment) -> None:
        """Write no more to a segment; what was acknowledged from it stands before what failed."""
        segment.users -= 1
        if self._current is segment:
            self._current = None
            self._retired.append(segment)

    def _is_full(self, segment: Segment) -> bool:
        return segment.written >= self._most_bytes or time.monotonic() - segment.began >= self._most_seconds

    def _remove(self, segment: Segment) -> None:
        segment.path.unlink(missing_ok=True)
        os.close(segment.file)
        with self._lock:
            self._retired.remove(segment)


def can_sync_file_systems() -> bool:
    """Say whether this system has `syncfs` (Linux has it, macOS has not); without it a journal would only grow."""
    return hasattr(ctypes.CDLL(None), "syncfs")


def sync_file_system(folder: Path) -> None:
    """Make durable all that was written to the file system of a folder (syncfs(2)). Raises `OSError`."""
    syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(file) != 0:
            raise OSError(ctypes.get_errno(), "syncfs failed")
    finally:
        os.close(file)


def _head(entry: Entry) -> bytes:
    return b"".join((_MAGIC, entry.digest, len(entry.content).to_bytes(_SIZE, "little")))


def _write(file: int, pieces: Sequence[bytes]) -> None:
    """Write all, without a copy of what is large; one call may take less than it was given."""
    for first in range(0, len(pieces), _AT_ONCE):
        some = pieces[first : first + _AT_ONCE]
        taken = os.writev(file, some)
        if taken < sum(map(len, some)):
            rest = memoryview(b"".join(some))[taken:]
            while rest:
                rest = rest[os.write(file, rest) :]


def _entries(file: int) -> Iterator[Entry]:
    """Read entries until the end, or until one that was not written as a whole: nobody was told of that or later."""
    with os.fdopen(os.dup(file), "rb") as read:
        while len(head := read.read(_HEAD)) == _HEAD and head.startswith(_MAGIC):
            digest, size = head[len(_MAGIC) : -_SIZE], int.from_bytes(head[-_SIZE:], "little")
            content = read.read(size) if size <= MOST_ENTRY else b""
            if sha256(content).digest() != digest:
                return
            yield Entry(digest=digest, content=content)


def _sync_folder(folder: Path, sync: Sync) -> None:
    entry = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(entry)
    finally:
        os.close(entry)
