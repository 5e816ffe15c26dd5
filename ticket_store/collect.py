"""Removes blobs that nothing names and that are older than every record that could still come to name them.

A blob goes only when no `blob_refs` row names it and its age, renewed by each put, is over the retention of the inbound
topic plus a day. Intake puts (or touches) a blob before it publishes the record that names it, so the order is

    put, renewing the age  ->  publish  ->  route, naming the blob  ->  ... (retention, and a day of margin for clocks)

While a record is on the topic its blobs are younger than the cutoff, also when the router lags: records that are not
routed yet hold the cutoff back. A put that comes while we collect is safe because the store compares the age again in
the same step that removes (`BlobStore.delete`): either the put came first and the blob stays, or it finds nothing and
writes it anew. What is named by a row that commits between our question and the removal was put before that row's
record, which was unrouted when we began, so its blob is younger than the cutoff.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ticket_store.blobs import BlobStore, StoredBlob
from ticket_store.pool import Pool
from ticket_store.statements import statement

MARGIN: Final = timedelta(days=1)
BATCH: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a collection did: blobs old enough to be asked about, blobs removed and their bytes."""

    considered: int = 0
    removed: int = 0
    removed_bytes: int = 0

    def __add__(self, other: "Collected") -> "Collected":
        """Add two parts of one collection."""
        return Collected(
            considered=self.considered + other.considered,
            removed=self.removed + other.removed,
            removed_bytes=self.removed_bytes + other.removed_bytes,
        )


def cutoff(*, now: datetime, retention: timedelta, oldest_unrouted: datetime | None) -> datetime:
    """Give the time before which a blob must have been renewed for the last time to be collected."""
    oldest_record = now - retention
    if oldest_unrouted is not None:
        oldest_record = min(oldest_record, oldest_unrouted)
    return oldest_record - MARGIN


async def collect(store: BlobStore, pool: Pool, *, before: datetime) -> Collected:
    """Remove the blobs that were last renewed before `before` (see `cutoff`) and that no row names.

    The time of the oldest unrouted record must have been read before this is called. Stops with the store's `OSError`
    or the database's error; what was removed until then was rightly removed.
    """
    total = Collected()
    async for found in store.older_than(before):
        for start in range(0, len(found), BATCH):
            total += await _collect_batch(store, pool, found[start : start + BATCH], before)
    return total


async def _collect_batch(store: BlobStore, pool: Pool, blobs: Sequence[StoredBlob], before: datetime) -> Collected:
    unnamed = await _unnamed(pool, [bytes.fromhex(blob.digest) for blob in blobs])
    gone = [
        blob
        for blob in blobs
        if blob.digest in unnamed and await store.delete(blob.digest, unless_renewed_since=before)
    ]
    return Collected(considered=len(blobs), removed=len(gone), removed_bytes=sum(blob.size for blob in gone))


async def _unnamed(pool: Pool, digests: list[bytes]) -> set[str]:
    async with pool.connection() as connection:
        cursor = await connection.execute(statement("collect", "unnamed"), {"digests": digests})
        return {digest.hex() for (digest,) in await cursor.fetchall()}
