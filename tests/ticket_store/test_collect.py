"""Collection takes what nothing names and nothing can come to name, and nothing else."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from store_rows import StoreRows

from schemas.message import BlobRef
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.collect import Collected, collect, cutoff
from ticket_store.pool import Pool, make_pool

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(days=15)


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    yield made
    made.close()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with make_pool(database, name="collect") as made:
        yield made


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalBlobStore]:
    made = LocalBlobStore(root=tmp_path)
    await made.prepare(now=NOW)
    yield made
    made.close()


async def put_old(store: LocalBlobStore, content: bytes, *, days: int = 20) -> BlobRef:
    ref = await store.put(content)
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(store._path(ref.sha256), (moment, moment))
    return ref


def name(rows: StoreRows, ref: BlobRef, kind: str = "message") -> None:
    rows.run("insert into blob_refs values (%s, %s, 1)", bytes.fromhex(ref.sha256), kind)


async def test_only_old_blobs_that_nothing_names_are_removed(
    store: LocalBlobStore, pool: Pool, rows: StoreRows
) -> None:
    old = await put_old(store, b"old and unnamed")
    named = [await put_old(store, kind.encode()) for kind in ("message", "duplicate", "dead_letter")]
    for ref, kind in zip(named, ("message", "duplicate", "dead_letter"), strict=True):
        name(rows, ref, kind)
    young = await put_old(store, b"young", days=14)
    assert await collect(store, pool, before=BEFORE) == Collected(considered=4, removed=1, removed_bytes=old.size)
    assert [await store.exists(ref.sha256) for ref in (old, young, *named)] == [False, True, True, True, True]


async def test_a_put_after_the_question_saves_the_blob(store: LocalBlobStore, pool: Pool) -> None:
    ref = await put_old(store, b"comes again")

    class PutBeforeDelete(LocalBlobStore):
        async def delete(self, digest: str, *, unless_renewed_since: datetime | None = None) -> bool:
            await store.put(b"comes again")
            return await super().delete(digest, unless_renewed_since=unless_renewed_since)

    racing = PutBeforeDelete(root=store._root)
    assert await collect(racing, pool, before=BEFORE) == Collected(considered=1)
    racing.close()
    assert await store.get(ref.sha256) == b"comes again"


async def test_a_touch_before_publishing_saves_the_blob(store: LocalBlobStore, pool: Pool) -> None:
    ref = await put_old(store, b"forwarded")
    assert await store.touch(ref.sha256)
    assert await collect(store, pool, before=BEFORE) == Collected()
    assert await store.exists(ref.sha256)


def test_records_that_are_not_routed_yet_hold_the_cutoff_back() -> None:
    retention = timedelta(days=14)
    assert cutoff(now=NOW, retention=retention, oldest_unrouted=None) == NOW - timedelta(days=15)
    recent = NOW - timedelta(days=3)
    assert cutoff(now=NOW, retention=retention, oldest_unrouted=recent) == NOW - timedelta(days=15)
    stuck = NOW - timedelta(days=40)
    assert cutoff(now=NOW, retention=retention, oldest_unrouted=stuck) == NOW - timedelta(days=41)


async def test_many_blobs_of_one_folder_are_asked_about_together(store: LocalBlobStore, pool: Pool) -> None:
    for number in range(30):
        await put_old(store, f"number {number}".encode())
    found = await collect(store, pool, before=BEFORE)
    assert (found.considered, found.removed) == (30, 30)
    assert await collect(store, pool, before=BEFORE) == Collected()
