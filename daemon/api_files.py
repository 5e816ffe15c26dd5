"""Bytes for the API: out of the blob store and into it."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from console.api.ports import Accounts, Before, Row
from console.api.problems import NotThereError, UnavailableError
from console.api.tokens import StoredToken
from daemon.adapters import STORE_ERRORS
from daemon.api_tickets import ApiTickets, answers
from ticket_store.api_requests import ApiRequests
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

    async def begin(self, token_id: int, key: str, *, request_hash: bytes) -> Before | None:
        """Claim a key."""
        try:
            return await self._requests.begin(token_id, key, request_hash=request_hash, now=self._clock())
        except STORE_ERRORS as error:
            raise UnavailableError from error

    async def finish(self, token_id: int, key: str, *, status: int, content_type: str, body: bytes) -> None:
        """Keep the answer."""
        try:
            await self._requests.finish(token_id, key, status=status, content_type=content_type, body=body)
        except STORE_ERRORS as error:
            raise UnavailableError from error

    async def drop(self, token_id: int, key: str) -> None:
        """Let the key be used again."""
        try:
            await self._requests.drop(token_id, key)
        except STORE_ERRORS as error:
            raise UnavailableError from error


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
