"""Serves `GET /out/<token>` on the intake's listener: one file, or 404, whatever is wrong with the token.

A file goes out in pieces as it is read, so that no caller costs more memory than one piece. Its last piece is held back
until the whole was read as it was stored: a file that the disk damaged is cut off instead of being taken for whole.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import structlog

from connectors.page_limits import Buckets, Seats
from daemon.file_links import PATH, FileLinks, Linked
from daemon.intake_app import Receive, Scope, Send
from ticket_store.blobs_local import LocalBlobStore

_SAFE: Final = (
    (b"content-disposition", b"attachment"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"private, no-store"),
    (b"x-robots-tag", b"noindex"),
    (b"accept-ranges", b"none"),
)
RETRY: Final = (b"retry-after", b"5")

Key = Callable[[], Awaitable[bytes]]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """What one process gives away. Links are counted, not addresses: behind a proxy all callers have one address.

    `at_once`: downloads together, and `at_once_link` of one link. `per_second` asks for one link in the long run, after
    `burst` of them. `slow`: a caller who takes no piece (256 KiB) for so long is left.
    """

    at_once: int = 32
    at_once_link: int = 8
    per_second: float = 2.0
    burst: int = 30
    slow: timedelta = timedelta(seconds=30)


class LinkDoor:
    """The door. `tick` gives seconds of a clock that never goes back."""

    def __init__(
        self,
        *,
        secret: Key,
        blobs: LocalBlobStore,
        clock: Callable[[], datetime],
        limits: DoorLimits | None = None,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secret = secret
        self._blobs = blobs
        self._clock = clock
        self._tick = tick
        self._links: FileLinks | None = None
        self._slow = (limits or DoorLimits()).slow.total_seconds()
        self._rate, self._seats = _counters(limits or DoorLimits())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        del receive
        if scope["method"] not in ("GET", "HEAD"):
            await _short(send, 405, (b"allow", b"GET, HEAD"))
            return
        try:
            links = await self._ready()
        except Exception:  # noqa: BLE001 - the store is down: the platform shall come again
            await _short(send, 503, RETRY)
            return
        linked = links.opened(scope["path"].removeprefix(PATH), now=self._clock())
        if linked is None:
            await _short(send, 404)
        elif self._rate.take(linked.sha256, at=self._tick()) or not self._seats.sit(linked.sha256):
            await _short(send, 429, RETRY)
        else:
            try:
                await self._give(send, linked, is_asked_for=scope["method"] == "GET")
            finally:
                self._seats.leave(linked.sha256)

    async def _ready(self) -> FileLinks:
        if self._links is None:
            self._links = FileLinks(secret=await self._secret())
        return self._links

    async def _give(self, send: Send, linked: Linked, *, is_asked_for: bool) -> None:
        try:
            size = await self._blobs.size(linked.sha256)
        except OSError:
            await _short(send, 404)
            return
        await _start(send, 200, (b"content-type", linked.content_type.encode()), length=size)
        if not is_asked_for:
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            await self._pieces(send, linked.sha256)
        except OSError as error:  # `TimeoutError` too: whoever is served sees that bytes are missing
            _log.warning("file cut off", sha256=linked.sha256, problem=type(error).__name__)

    async def _pieces(self, send: Send, digest: str) -> None:
        """Send every piece after the next one was read, and the last one when all fit. Raises `OSError`."""
        held, found = b"", sha256()
        pieces: AsyncGenerator[bytes, None] = self._blobs.stream(digest)
        async with aclosing(pieces):
            async for piece in pieces:
                if held:
                    await self._send(send, held, more=True)
                found.update(piece)
                held = piece
        if found.hexdigest() != digest:
            raise OSError("its bytes are not those that were stored")
        await self._send(send, held, more=False)

    async def _send(self, send: Send, piece: bytes, *, more: bool) -> None:
        async with asyncio.timeout(self._slow):
            await send({"type": "http.response.body", "body": piece, "more_body": more})


def _counters(limits: DoorLimits) -> tuple[Buckets, Seats]:
    rate = Buckets(per_second=limits.per_second, burst=limits.burst)
    return rate, Seats(each=limits.at_once_link, together=limits.at_once)


async def _short(send: Send, status: int, *headers: tuple[bytes, bytes]) -> None:
    body = f"{status}\n".encode()
    await _start(send, status, (b"content-type", b"text/plain"), *headers, length=len(body))
    await send({"type": "http.response.body", "body": body})


async def _start(send: Send, status: int, *headers: tuple[bytes, bytes], length: int) -> None:
    all_: list[Any] = [*headers, *_SAFE, (b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": status, "headers": all_})
