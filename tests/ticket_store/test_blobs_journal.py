"""The journal in front of the blob store's files: what was acknowledged is there after a power loss."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from schemas.message import BlobRef
from ticket_store.blobs_journal import MOST_ENTRY, Entry, Journal, sync_file_system
from ticket_store.blobs_journaled import JournaledBlobStore

NOW = datetime(2026, 11, 26, tzinfo=UTC)


class Disk:
    """Syncs for real and counts, until it is broken."""

    def __init__(self) -> None:
        self.synced: list[str] = []
        self.broken = False

    def sync(self, file: int) -> None:
        if self.broken:
            raise OSError(5, "Input/output error")
        os.fsync(file)
        self.synced.append(Path(f"/proc/self/fd/{file}").readlink().name)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def opened() -> Iterator[list[JournaledBlobStore]]:
    stores: list[JournaledBlobStore] = []
    yield stores
    for store in stores:
        store.close()


@pytest.fixture
async def store(root: Path, disk: Disk, opened: list[JournaledBlobStore]) -> JournaledBlobStore:
    opened.append(made := JournaledBlobStore(root=root, sync=disk.sync))
    await made.prepare(now=NOW)
    disk.synced.clear()
    return made


async def started(root: Path, opened: list[JournaledBlobStore]) -> JournaledBlobStore:
    """Start another process's store on the same folder."""
    opened.append(made := JournaledBlobStore(root=root))
    await made.prepare(now=NOW)
    return made


def path_of(root: Path, ref: BlobRef) -> Path:
    return root / ref.sha256[:2] / ref.sha256


def segments(root: Path) -> list[Path]:
    return sorted((root / "journal").iterdir())


def killed(store: JournaledBlobStore) -> None:
    """Let go of its locks as the end of its process would, and leave everything else."""
    current = store._journal._current
    assert current is not None
    os.close(current.file)
    store._journal._current = None


async def test_puts_that_come_together_are_durable_by_one_sync(store: JournaledBlobStore, disk: Disk) -> None:
    await store.put(b"the first, for which the segment is made")
    disk.synced.clear()
    await asyncio.gather(*(store.put(f"number {number}".encode()) for number in range(50)))
    (only,) = disk.synced
    assert only == segments(store._root)[0].name


async def test_the_folder_of_the_journal_is_synced_before_the_first_yes(store: JournaledBlobStore, disk: Disk) -> None:
    await store.put(b"precious")
    assert disk.synced == ["journal", segments(store._root)[0].name]


async def test_what_a_power_loss_took_is_written_again_at_the_next_start(
    store: JournaledBlobStore, root: Path, opened: list[JournaledBlobStore]
) -> None:
    gone, half, whole = await store.put_many([b"no name on the disk", b"a name without its bytes", b"all there"])
    path_of(root, gone).unlink()
    path_of(root, half).write_bytes(b"a name")
    killed(store)
    after = await started(root, opened)
    assert [await after.get(ref.sha256) for ref in (gone, half, whole)] == [
        b"no name on the disk",
        b"a name without its bytes",
        b"all there",
    ]
    assert segments(root) == []


async def test_an_entry_that_was_not_written_whole_ends_a_journal(
    store: JournaledBlobStore, root: Path, opened: list[JournaledBlobStore]
) -> None:
    first, second = await store.put(b"acknowledged"), await store.put(b"never acknowledged")
    for ref in (first, second):
        path_of(root, ref).unlink()
    (segment,) = segments(root)
    os.truncate(segment, segment.stat().st_size - 3)
    killed(store)
    after = await started(root, opened)
    assert await after.get(first.sha256) == b"acknowledged"
    assert not await after.exists(second.sha256)


async def test_the_journal_of_a_living_process_is_left_alone(
    store: JournaledBlobStore, root: Path, opened: list[JournaledBlobStore]
) -> None:
    ref = await store.put(b"its own business")
    path_of(root, ref).unlink()
    other = await started(root, opened)
    assert len(segments(root)) == 1
    assert not await other.exists(ref.sha256)


async def test_a_blob_that_is_there_is_renewed_under_its_lock(store: JournaledBlobStore, root: Path) -> None:
    ref = await store.put(b"seen before")
    os.utime(path_of(root, ref), (0, 0))
    assert await store.put(b"seen before") == ref
    assert path_of(root, ref).stat().st_mtime > 0


async def test_half_a_file_that_a_crash_left_is_written_anew(store: JournaledBlobStore, root: Path) -> None:
    ref = await store.put(b"whole content")
    path_of(root, ref).write_bytes(b"")
    await store.put(b"whole content")
    assert await store.get(ref.sha256) == b"whole content"


async def test_a_large_blob_is_synced_by_itself(store: JournaledBlobStore, disk: Disk, root: Path) -> None:
    ref = await store.put(bytes(MOST_ENTRY + 1))
    assert ref.sha256[:2] in disk.synced
    assert segments(root) == []


async def test_nobody_hears_yes_from_a_journal_that_could_not_be_synced(store: JournaledBlobStore, disk: Disk) -> None:
    await store.put(b"well")
    disk.broken = True
    found = await asyncio.gather(store.put(b"one"), store.put(b"two"), return_exceptions=True)
    assert all(isinstance(error, OSError) for error in found)
    disk.broken = False
    await store.put(b"three")
    assert len(segments(store._root)) > 1, "a segment whose sync failed is not written to again"


async def test_a_segment_that_has_grown_old_goes_once_the_disk_has_everything(
    root: Path, opened: list[JournaledBlobStore]
) -> None:
    opened.append(quick := JournaledBlobStore(root=root, seconds=0.01))
    await quick.prepare(now=NOW)
    ref = await quick.put(b"soon on the disk")
    async with asyncio.timeout(20):
        while segments(root):  # noqa: ASYNC110 - another thread removes it
            await asyncio.sleep(0.01)
    assert await quick.get(ref.sha256) == b"soon on the disk"


def journal(folder: Path, settled: list[Path] | None = None, *, fails: bool = False) -> Journal:
    """Give one whose every segment is full at once."""

    def settle(of: Path) -> None:
        if fails:
            raise OSError(5, "Input/output error")
        if settled is not None:
            settled.append(of)

    return Journal(folder=folder, settle=settle, most_bytes=1)


ENTRY = Entry(digest=bytes(32), content=b"x")


def test_a_segment_waits_for_the_files_of_its_puts(tmp_path: Path) -> None:
    settled: list[Path] = []
    one = journal(tmp_path, settled)
    segment = one.begin([ENTRY])
    one.tidy()
    assert (settled, len(list(tmp_path.iterdir()))) == ([], 1)
    one.end(segment)
    one.tidy()
    assert (settled, list(tmp_path.iterdir())) == ([tmp_path], [])


def test_a_segment_stays_while_the_disk_does_not_take_the_files(tmp_path: Path) -> None:
    one = journal(tmp_path, fails=True)
    one.end(one.begin([ENTRY]))
    with pytest.raises(OSError, match="Input/output error"):
        one.tidy()
    assert len(list(tmp_path.iterdir())) == 1
    assert one.is_due()


def test_a_whole_file_system_can_be_synced_here(tmp_path: Path) -> None:
    sync_file_system(tmp_path)


def test_a_segment_that_another_start_removed_before_it_was_locked_takes_nothing(tmp_path: Path) -> None:
    other = Journal(folder=tmp_path)
    removed: list[Path] = []

    def sync(file: int) -> None:
        os.fsync(file)
        if not removed:  # the folder's, before the first entry: what stands there looks left over
            removed.extend(tmp_path.iterdir())
            for path in removed:
                other.forget(path)

    content = b"x"
    segment = Journal(folder=tmp_path, sync=sync).begin([Entry(digest=sha256(content).digest(), content=content)])
    assert len(removed) == 1
    assert os.fstat(segment.file).st_nlink == 1
    assert list(tmp_path.iterdir()) == [segment.path]
