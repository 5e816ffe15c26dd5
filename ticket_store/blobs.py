"""The blob store's port: raw deliveries, attachments and long texts, found by the sha256 of their bytes.

`ticket_store.blobs_local` keeps them in folders; a store in S3 can stand behind the same port. Errors are `OSError`
(`FileNotFoundError` for a blob that is not there) and say what to do; a digest that is none is a `ValueError`.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from schemas.message import BlobRef

CHUNK_BYTES: Final = 256 * 1024
"""How much `stream` gives at a time, in bytes."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """A blob as it lies in the store. `renewed_at` is the time of its last put or touch."""

    digest: str
    size: int
    renewed_at: datetime


class BlobStore(Protocol):
    """Content-addressed bytes. Safe for concurrent callers and for several processes over one store."""

    async def put(self, content: bytes) -> BlobRef:
        """Store durably and renew the age of what is already there; concurrent puts share syncs."""
        ...

    async def put_many(self, contents: Sequence[bytes]) -> list[BlobRef]:
        """Store several, in the order given; when one fails, the others may be stored all the same."""
        ...

    async def get(self, digest: str) -> bytes:
        """Give the whole, checked against its digest."""
        ...

    async def size(self, digest: str) -> int:
        """Give how many bytes it has."""
        ...

    def stream(self, digest: str) -> AsyncGenerator[bytes, None]:
        """Give the bytes in pieces of `CHUNK_BYTES`, unchecked, without holding the whole in memory."""
        ...

    async def exists(self, digest: str) -> bool:
        """Say whether it is there."""
        ...

    async def touch(self, digest: str) -> bool:
        """Renew its age durably; False when it is not there. To be done before anything new names the blob."""
        ...

    async def delete(self, digest: str, *, unless_renewed_since: datetime | None = None) -> bool:
        """Remove it; False when it is not there, or was renewed at or after the given time.

        The check and the removal are one step: a put or touch is either seen by it, or finds nothing and stores anew.
        """
        ...

    def older_than(self, moment: datetime) -> AsyncIterator[Sequence[StoredBlob]]:
        """Give the blobs renewed before the moment, in batches and in no order; what is put meanwhile may be missed."""
        ...


def checked_digest(text: str) -> str:
    """Give the digest back, or refuse whatever is not 64 lower-case hexadecimal digits: it becomes a path."""
    if _DIGEST.fullmatch(text) is None:
        raise ValueError("a blob is named by its sha256: 64 lower-case hexadecimal digits")
    return text
