"""Bytes for the API: out of the blob store and into it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from console.api.ports import Accounts, Before, Claimed, Row
from console.api.problems import NotThereError, ProblemError
from console.api.tokens import StoredToken
from daemon.api_tickets import ApiTickets, answers
from ticket_store.api_requests import MOST_UPLOADED, MOST_UPLOADS, ApiRequests, Lease, NoRoomError
from ticket_store.blobs_local import LocalBlobStore


class ApiFiles:
    """Files of messages that a token may see."""

    def __init__(
        self, *, tickets: ApiTickets, requests: ApiRequests, blobs: LocalBlobStore, clock: Callable[[], datetime]
    ) -> None:
        self._tickets = tickets
        self._requests = requests
        self._blobs = blobs
        self._clock = clock

    async def file(self, accounts: Accounts, message_id: int, place: int) -> tuple[str, AsyncIterator[bytes]]:
        """Give name and bytes of a stored file."""
        message = await self._tickets.message(accounts, message_id)
        files = message["files"]
        if place >= len(files) or not files[place]["sha256"]:
            raise NotThereError("file")
        return files[place]["name"], await self._stream(files[place]["sha256"])

    async def text(self, accounts: Accounts, message_id: int) -> AsyncIterator[bytes]:
        """Give a message's whole text."""
        message = await self._tickets.message(accounts, message_id)
        if message["text_sha256"]:
            return await self._stream(message["text_sha256"])
        return _one(message["text"].encode("utf-8", "replace"))

    async def upload(self, token: StoredToken, *, name: str, content_type: str, content: bytes) -> Row:
        """Store a file for an answer."""
        async with answers("file"):
            ref = await self._blobs.put(content)
            with _roomy():
                number = await self._requests.add_upload(
                    token.id,
                    name=name,
                    content_type=content_type,
                    size=len(content),
                    sha256=ref.sha256,
                    now=self._clock(),
                )
        return {"id": number, "name": name, "content_type": content_type, "size": len(content), "sha256": ref.sha256}

    async def _stream(self, digest: str) -> AsyncIterator[bytes]:
        if not await self._blobs.exists(digest):
            raise NotThereError("file")
        return self._blobs.stream(digest)


class GateRequests:
    """Idempotency keys for the gate."""

    def __init__(self, *, requests: ApiRequests, clock: Callable[[], datetime]) -> None:
        self._requests = requests
        self._clock = clock

    async def begin(self, token_id: int, key: str, *, request_hash: bytes) -> Claimed | Before:
        """Claim a key."""
        async with answers("request"):
            found = await self._requests.begin(token_id, key, request_hash=request_hash, now=self._clock())
        return Claimed(lease=found) if isinstance(found, Lease) else found

    async def finish(self, claimed: Claimed, *, status: int, content_type: str, body: bytes) -> Before | None:
        """Keep the answer."""
        async with answers("request"):
            return await self._requests.finish(_lease(claimed), status=status, content_type=content_type, body=body)

    async def drop(self, claimed: Claimed) -> None:
        """Let the key be used again."""
        async with answers("request"):
            await self._requests.drop(_lease(claimed))

    async def check_room(self, token_id: int, size: int) -> None:
        """Raise a problem when a token may not upload so many bytes now."""
        async with answers("request"):
            with _roomy():
                await self._requests.check_room(token_id, size, now=self._clock())


def _lease(claimed: Claimed) -> Lease:
    if not isinstance(claimed.lease, Lease):
        raise TypeError("this lease is not of this store")
    return claimed.lease


@contextmanager
def _roomy() -> Iterator[None]:
    try:
        yield
    except NoRoomError:
        files, size = f"{MOST_UPLOADS:,} files", f"{MOST_UPLOADED // 2**20:,} MiB"
        detail = f"{files} or {size} of this token wait for a message: send them, or let them end after two days."
        raise ProblemError(429, "no-room-for-uploads", detail, headers={"Retry-After": "3600"}) from None


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
