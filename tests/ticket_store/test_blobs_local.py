"""The local blob store: what is stored is durable, complete, and safe from collection."""

import asyncio
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import BinaryIO

import pytest

from schemas.message import BlobRef
from ticket_store.blobs import StoredBlob
from ticket_store.blobs_disk import Space, space
from ticket_store.blobs_journaled import JournaledBlobStore
from ticket_store.blobs_local import LocalBlobStore

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Diary:
    """Syncs for real, and writes down what was synced and which blobs had their name by then."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries: list[tuple[str, bool]] = []

    def sync(self, file: int) -> None:
        os.fsync(file)
        name = Path(f"/proc/self/fd/{file}").readlink().relative_to(self.root.parent)
        self.entries.append((str(name), any(self.root.glob("??/" + "?" * 64))))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def opened() -> Iterator[list[LocalBlobStore]]:
    stores: list[LocalBlobStore] = []
    yield stores
    for store in stores:
        store.close()


@pytest.fixture(params=[LocalBlobStore, JournaledBlobStore])
async def store(root: Path, opened: list[LocalBlobStore], request: pytest.FixtureRequest) -> LocalBlobStore:
    made: LocalBlobStore = request.param(root=root)
    opened.append(made)
    await made.prepare(now=datetime.now(UTC))
    return made


def path_of(root: Path, ref: BlobRef) -> Path:
    return root / ref.sha256[:2] / ref.sha256


def make_old(path: Path, moment: datetime = LONG_AGO) -> None:
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def renewed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


async def everything(store: LocalBlobStore, moment: datetime) -> list[StoredBlob]:
    return [blob async for batch in store.older_than(moment) for blob in batch]


@pytest.mark.parametrize("content", [b"", b"hello", bytes(range(256)) * 4000])
async def test_what_is_put_comes_back(store: LocalBlobStore, content: bytes) -> None:
    ref = await store.put(content)
    assert ref == BlobRef(sha256=sha256(content).hexdigest(), size=len(content))
    assert await store.get(ref.sha256) == content
    assert b"".join([piece async for piece in store.stream(ref.sha256)]) == content
    assert await store.exists(ref.sha256)


async def test_many_are_stored_in_the_order_given(store: LocalBlobStore) -> None:
    contents = [f"number {index}".encode() for index in range(50)]
    refs = await store.put_many(contents)
    assert [await store.get(ref.sha256) for ref in refs] == contents


async def test_bytes_are_synced_before_they_have_their_name_and_the_folder_after(
    root: Path, opened: list[LocalBlobStore]
) -> None:
    diary = Diary(root)
    opened.append(watched := LocalBlobStore(root=root, sync=diary.sync))
    await watched.prepare(now=datetime.now(UTC))
    diary.entries.clear()
    ref = await watched.put(b"precious")
    (file, named_then), (folder, named_at_last) = diary.entries
    assert file.startswith("blobs/tmp/")
    assert not named_then
    assert (folder, named_at_last) == (f"blobs/{ref.sha256[:2]}", True)


async def test_puts_that_come_together_are_all_synced_before_the_first_has_its_name(
    root: Path, opened: list[LocalBlobStore]
) -> None:
    diary = Diary(root)
    opened.append(watched := LocalBlobStore(root=root, sync=diary.sync))
    await watched.prepare(now=datetime.now(UTC))
    diary.entries.clear()
    contents = [f"number {index}".encode() for index in range(20)]
    refs = await asyncio.gather(*map(watched.put, contents))
    files, folders = diary.entries[:20], diary.entries[20:]
    assert all(name.startswith("blobs/tmp/") and not named for name, named in files)
    assert folders == [(f"blobs/{folder}", True) for folder in sorted({ref.sha256[:2] for ref in refs})]


async def test_one_put_that_fails_is_nobody_elses_trouble(root: Path, opened: list[LocalBlobStore]) -> None:
    opened.append(store := LocalBlobStore(root=root))
    await store.prepare(now=datetime.now(UTC))
    bad = BlobRef(sha256=sha256(b"bad").hexdigest(), size=3)
    path_of(root, bad).mkdir()  # no file can take this name
    (path_of(root, bad) / "in the way").touch()
    good, failed = await asyncio.gather(store.put(b"good"), store.put(b"bad"), return_exceptions=True)
    assert isinstance(failed, OSError)
    assert isinstance(good, BlobRef)
    assert await store.get(good.sha256) == b"good"
    assert not list((root / "tmp").iterdir())


async def test_a_new_store_syncs_its_folders_before_the_first_put(root: Path, opened: list[LocalBlobStore]) -> None:
    diary = Diary(root)
    opened.append(watched := LocalBlobStore(root=root, sync=diary.sync))
    await watched.prepare(now=datetime.now(UTC))
    assert [name for name, _ in diary.entries] == ["blobs", "."]


async def test_a_blob_that_is_there_is_renewed_and_its_folder_synced_all_the_same(
    store: LocalBlobStore, root: Path, opened: list[LocalBlobStore]
) -> None:
    ref = await store.put(b"seen before")
    make_old(path_of(root, ref))
    diary = Diary(root)
    opened.append(second := LocalBlobStore(root=root, sync=diary.sync))
    assert await second.put(b"seen before") == ref
    assert renewed_at(path_of(root, ref)) > LONG_AGO
    assert [name for name, _ in diary.entries] == [f"blobs/{ref.sha256[:2]}/{ref.sha256}", f"blobs/{ref.sha256[:2]}"]


async def test_a_blob_of_the_wrong_size_is_written_anew(store: LocalBlobStore, root: Path) -> None:
    ref = await store.put(b"whole content")
    path_of(root, ref).write_bytes(b"whole")
    await store.put(b"whole content")
    assert await store.get(ref.sha256) == b"whole content"


async def test_changed_bytes_are_noticed(store: LocalBlobStore, root: Path) -> None:
    ref = await store.put(b"whole content")
    path_of(root, ref).write_bytes(b"whole CONTENT")
    with pytest.raises(OSError, match=r"have changed on the disk: restore the blob from a backup"):
        await store.get(ref.sha256)


async def test_the_same_content_at_the_same_time_is_one_blob(store: LocalBlobStore, root: Path) -> None:
    refs = await store.put_many([b"same"] * 64)
    assert len(set(refs)) == 1
    assert [path.name for path in root.glob("??/[!.]*")] == [refs[0].sha256]
    assert not list((root / "tmp").iterdir())


async def test_nobody_else_may_look_into_the_store(store: LocalBlobStore, root: Path) -> None:
    await store.put(b"private")
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "a" * 63, "a" * 64 + "\n", "٣" * 64])
async def test_only_a_digest_becomes_a_path(store: LocalBlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case hexadecimal digits"):
        await store.get(name)


async def test_a_missing_blob_says_so(store: LocalBlobStore) -> None:
    digest = "0" * 64
    with pytest.raises(FileNotFoundError, match=f"blob {digest} is not there: restore what is missing"):
        await store.get(digest)
    assert not await store.exists(digest)
    assert not await store.touch(digest)
    assert not await store.delete(digest)


async def test_a_full_disk_is_an_error_that_says_what_to_do_and_leaves_nothing(
    root: Path, opened: list[LocalBlobStore]
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    opened.append(good := LocalBlobStore(root=root))
    await good.prepare(now=datetime.now(UTC))
    opened.append(bad := LocalBlobStore(root=root, sync=full))
    with pytest.raises(OSError, match=r"blobs: No space left on device: make room on its disk"):
        await bad.put_many([b"one", b"two"])
    assert not list(root.glob("??/[!.]*"))
    assert not list((root / "tmp").iterdir())


async def test_only_old_temporary_files_are_swept(store: LocalBlobStore, root: Path) -> None:
    now = datetime.now(UTC)
    (root / "tmp" / "crashed").write_bytes(b"half")
    make_old(root / "tmp" / "crashed", now - timedelta(hours=2))
    (root / "tmp" / "busy").write_bytes(b"half")
    await store.prepare(now=now)
    assert [path.name for path in (root / "tmp").iterdir()] == ["busy"]


async def test_listing_gives_only_blobs_that_are_old_enough(store: LocalBlobStore, root: Path) -> None:
    old, young = await store.put_many([b"old", b"young"])
    make_old(path_of(root, old))
    listed = await everything(store, LONG_AGO + timedelta(days=1))
    assert listed == [StoredBlob(digest=old.sha256, size=3, renewed_at=LONG_AGO)]
    assert await store.exists(young.sha256)


async def test_a_renewed_blob_is_not_removed(store: LocalBlobStore, root: Path) -> None:
    ref = await store.put(b"old")
    make_old(path_of(root, ref))
    cutoff = LONG_AGO + timedelta(days=1)
    assert await store.touch(ref.sha256)
    assert not await store.delete(ref.sha256, unless_renewed_since=cutoff)
    make_old(path_of(root, ref))
    assert await store.delete(ref.sha256, unless_renewed_since=cutoff)
    assert not await store.exists(ref.sha256)


async def test_a_put_beside_a_removal_always_ends_with_the_blob_there(store: LocalBlobStore, root: Path) -> None:
    ref = await store.put(b"contested")
    cutoff = LONG_AGO + timedelta(days=1)
    removed = rounds = 0
    while rounds < 150 or (not removed and rounds < 3000):
        rounds += 1
        make_old(path_of(root, ref))
        barrier = Barrier(2)
        outcome: list[bool] = []
        remover = Thread(target=remove_at, args=(store, barrier, ref, cutoff, outcome))
        remover.start()
        await asyncio.to_thread(put_at, store, barrier, b"contested")
        await asyncio.to_thread(remover.join)
        removed += outcome[0]
        assert await store.get(ref.sha256) == b"contested"
    assert removed, "the removal never came first: the test has shown nothing"


def remove_at(store: LocalBlobStore, barrier: Barrier, ref: BlobRef, cutoff: datetime, outcome: list[bool]) -> None:
    barrier.wait()
    outcome.append(store._delete(ref.sha256, cutoff))


def put_at(store: LocalBlobStore, barrier: Barrier, content: bytes) -> None:
    barrier.wait()
    store._put([content])


def test_disk_is_low_below_the_larger_of_both_limits() -> None:
    assert Space(free=999_999_999, total=2_000_000_000).is_low()
    assert not Space(free=1_000_000_000, total=2_000_000_000).is_low()
    assert Space(free=4_999_999_999, total=100_000_000_000).is_low()
    assert not Space(free=5_000_000_000, total=100_000_000_000).is_low()


def test_space_is_measured_on_the_real_disk(tmp_path: Path) -> None:
    found = space(tmp_path)
    assert 0 < found.free <= found.total


class SlowToOpen(LocalBlobStore):
    """Its disk takes its time; keeps what it opened."""

    begun, goes_on = Event(), Event()
    opened: BinaryIO

    def _open(self, digest: str) -> BinaryIO:
        self.begun.set()
        assert self.goes_on.wait(20)
        self.opened = super()._open(digest)
        return self.opened


async def test_a_reader_who_goes_while_the_file_is_opened_leaves_none_open(root: Path) -> None:
    store = SlowToOpen(root=root)
    await store.prepare(now=LONG_AGO)
    ref = await store.put(b"content")
    reading = asyncio.ensure_future(anext(store.stream(ref.sha256)))
    await asyncio.to_thread(store.begun.wait, 20)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    store.goes_on.set()
    store.close()
    async with asyncio.timeout(20):
        while not store.opened.closed:  # noqa: ASYNC110 - the thread's answer takes some turns of the loop
            await asyncio.sleep(0.01)
