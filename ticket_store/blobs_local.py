"""The blob store in a local folder: `<root>/<first two digits>/<sha256>`, durable when `put` returns.

A put writes a temporary file, syncs it, renames it to its name and syncs the folder: after a power loss the name is
there with all its bytes, or not at all. What is already there under its name was synced before it was renamed, but the
process that renamed it may not have synced the folder yet, so every put syncs the folder itself before it returns.
Puts that come together are stored together: the first sync of a group commits the file system's journal for all.

Puts and touches hold a shared lock of their folder (flock), removals an exclusive one: collection never takes a blob
between the moment a put finds it there and the moment its age is renewed. A crash lets go of its locks.

No name from a message ever becomes a path. The file system must be local, or one with flock and fsync that mean it.
"""

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final, ParamSpec, TypeVar
from uuid import uuid4

from schemas.message import BlobRef
from ticket_store.blobs import CHUNK_BYTES, StoredBlob, checked_digest
from ticket_store.blobs_groups import Groups

THREADS: Final = 8
GROUPS: Final = 2
"""Groups of puts at a time: one writes while the other waits for the disk. More only fight for the processor."""

STALE: Final = timedelta(hours=1)
"""A temporary file older than this was left by a crash."""

_FOLDERS: Final = tuple(f"{index:02x}" for index in range(256))
_TEMPORARY: Final = "tmp"
_LOCK: Final = ".lock"
_ADVICE: Final = {
    errno.ENOSPC: "make room on its disk",
    errno.EDQUOT: "make room in its quota",
    errno.EROFS: "mount it for writing, and look into the kernel's log why it is not",
    errno.EACCES: "give its folder to the user that we run as",
    errno.EPERM: "give its folder to the user that we run as",
    errno.ENOENT: "restore what is missing from a backup",
    errno.EUCLEAN: "restore the blob from a backup",
}
_P = ParamSpec("_P")
_T = TypeVar("_T")


class LocalBlobStore:
    """Blobs under `root`. Call `prepare` once before use and `close` at the end; `sync` is how it syncs a file."""

    def __init__(self, *, root: Path, threads: int = THREADS, sync: Callable[[int], None] = os.fsync) -> None:
        self._root = root
        self._root_name = str(root)
        self._sync = sync
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="blobs")
        self._groups = Groups(work=self._put_group, pool=self._pool, turns=GROUPS)
        self._own = uuid4().hex
        self._written = count()

    async def prepare(self, *, now: datetime) -> None:
        """Make the folders, durably, and remove temporary files that crashes left more than an hour ago."""
        await self._run(self._prepare, now)

    async def put(self, content: bytes) -> BlobRef:
        """Store durably and renew the age of what is already there."""
        return (await self.put_many((content,)))[0]

    async def put_many(self, contents: Sequence[bytes]) -> list[BlobRef]:
        """Store several at once, in the order given. All have ended, well or not, before the first error is raised."""
        results = await self._groups.run(contents)
        stored = [result for result in results if isinstance(result, BlobRef)]
        if len(stored) < len(results):
            raise next(result for result in results if isinstance(result, BaseException))
        return stored

    async def get(self, digest: str) -> bytes:
        """Give the whole; `FileNotFoundError` when it is not there, `OSError` when the disk damaged it."""
        return await self._run(self._get, digest)

    async def size(self, digest: str) -> int:
        """Give how many bytes it has; `FileNotFoundError` when it is not there."""
        return (await self._run(self._path(digest).stat)).st_size

    async def stream(self, digest: str) -> AsyncGenerator[bytes, None]:
        """Give the bytes in pieces."""
        opening = asyncio.ensure_future(self._run(self._open, digest))
        try:
            file = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)  # the thread opens it all the same
            raise
        try:
            while piece := await self._run(file.read, CHUNK_BYTES):
                yield piece
        finally:
            file.close()

    async def exists(self, digest: str) -> bool:
        """Say whether it is there."""
        return await self._run(self._path(digest).exists)

    async def touch(self, digest: str) -> bool:
        """Renew its age durably; False when it is not there."""
        return await self._run(self._touch, digest)

    async def delete(self, digest: str, *, unless_renewed_since: datetime | None = None) -> bool:
        """Remove it, unless it was renewed at or after the given time."""
        return await self._run(self._delete, digest, unless_renewed_since)

    async def older_than(self, moment: datetime) -> AsyncIterator[Sequence[StoredBlob]]:
        """Give the blobs renewed before the moment, folder by folder."""
        for folder in _FOLDERS:
            found = await self._run(self._older_in, self._root / folder, moment)
            if found:
                yield found

    def close(self) -> None:
        """Finish what has begun and let the threads go."""
        self._pool.shutdown()

    async def _run(self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run in a thread of our own. A cancelled caller does not stop it: what has begun is finished."""
        work = partial(self._explained, call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _explained(self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return call(*args, **kwargs)
        except OSError as error:
            advice = _ADVICE.get(error.errno or 0, "look into the kernel's log")
            raise OSError(error.errno, f"blob store {self._root}: {error.strerror or error}: {advice}") from error

    def _prepare(self, now: datetime) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (*_FOLDERS, _TEMPORARY):
            (self._root / name).mkdir(exist_ok=True)
        for folder in (self._root, *self._root.absolute().parents[:1]):
            self._sync_folder(folder)
        for left in (self._root / _TEMPORARY).iterdir():
            if _renewed_at(left.stat()) < now - STALE:
                left.unlink(missing_ok=True)

    def _put_group(self, contents: Sequence[bytes]) -> list[BlobRef | OSError]:
        """Store together; where that fails each alone, so that nobody hears of another's trouble."""
        try:
            return list(self._explained(self._put, contents))
        except OSError as error:
            return [error] if len(contents) == 1 else [self._put_group((content,))[0] for content in contents]

    def _put(self, contents: Sequence[bytes]) -> list[BlobRef]:
        refs = [BlobRef(sha256=sha256(content).hexdigest(), size=len(content)) for content in contents]
        paths = {self._path(ref.sha256): content for ref, content in zip(refs, contents, strict=True)}
        folders = sorted({path.parent for path in paths})  # in order: whoever removes holds one lock and waits for none
        with ExitStack() as locks:
            for folder in folders:
                locks.enter_context(self._locked(folder, fcntl.LOCK_SH))
            self._write({path: body for path, body in paths.items() if not self._renew(path, size=len(body))})
            for folder in folders:
                self._sync_folder(folder)
        return refs

    def _write(self, contents: Mapping[Path, bytes]) -> None:
        """Write all, sync all, and only then give them their names."""
        temporary = {path: self._root / _TEMPORARY / f"{self._own}-{next(self._written)}" for path in contents}
        try:
            with ExitStack() as files:
                opened = [_new_file(temporary[path], body, files) for path, body in contents.items()]
                for file in opened:
                    self._sync(file)
            for path in contents:
                temporary[path].rename(path)
        except OSError:
            for left in temporary.values():
                left.unlink(missing_ok=True)
            raise

    def _renew(self, path: Path, *, size: int | None = None) -> bool:
        """Make the blob young again, durably: the new time must survive a power loss too. False = write it (anew)."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            if size not in (None, os.fstat(file).st_size):
                return False
            os.utime(file)
            self._sync(file)
        finally:
            os.close(file)
        return True

    def _touch(self, digest: str) -> bool:
        path = self._path(digest)
        with self._locked(path.parent, fcntl.LOCK_SH):
            return self._renew(path)

    def _delete(self, digest: str, unless_renewed_since: datetime | None) -> bool:
        path = self._path(digest)
        with self._locked(path.parent, fcntl.LOCK_EX):
            try:
                renewed_at = _renewed_at(path.stat())
            except FileNotFoundError:
                return False
            if unless_renewed_since is not None and renewed_at >= unless_renewed_since:
                return False
            path.unlink()
            self._sync_folder(path.parent)
        return True

    def _get(self, digest: str) -> bytes:
        with self._open(digest) as file:
            content = file.read()
        if sha256(content).hexdigest() != digest:
            raise OSError(errno.EUCLEAN, f"the bytes of blob {digest} have changed on the disk")
        return content

    def _open(self, digest: str) -> BinaryIO:
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, f"blob {digest} is not there") from error

    def _older_in(self, folder: Path, moment: datetime) -> list[StoredBlob]:
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name != _LOCK and (facts := _facts(entry)) and _renewed_at(facts) < moment:
                    blob = StoredBlob(digest=entry.name, size=facts.st_size, renewed_at=_renewed_at(facts))
                    found.append(blob)
        return found

    def _path(self, digest: str) -> Path:
        return Path(self._name(digest))

    def _name(self, digest: str) -> str:
        return f"{self._root_name}/{checked_digest(digest)[:2]}/{digest}"

    @contextmanager
    def _locked(self, folder: Path, mode: int) -> Iterator[None]:
        """Hold the folder's lock; a file of its own, since a folder cannot be locked exclusively over NFS."""
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, mode)
            yield
        finally:
            os.close(lock)

    def _sync_folder(self, folder: Path) -> None:
        entry = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._sync(entry)
        finally:
            os.close(entry)


def _close_unwanted(opening: "asyncio.Future[BinaryIO]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _new_file(path: Path, content: bytes, files: ExitStack) -> int:
    """Write a new file and give it open; the stack closes it."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    files.callback(os.close, file)
    rest = memoryview(content)
    while rest:  # one call may take less than it was given (over 2 GB, or a disk that fills up)
        rest = rest[os.write(file, rest) :]
    return file


def _facts(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _renewed_at(facts: os.stat_result) -> datetime:
    return datetime.fromtimestamp(facts.st_mtime, UTC)
