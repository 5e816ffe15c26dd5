"""Bytes that came from the peer and that nobody took yet: whole command lines, or whatever there is."""

import asyncio
from typing import Final

HIGH_WATER: Final = 32 * 1024
"""Bytes that may wait before the peer is held back. One chunk of the loop (64 KiB on uvloop) may come on top."""


class SessionEndError(Exception):
    """Nothing more shall be read from this peer."""


class PeerGoneError(SessionEndError):
    """The peer closed or lost the connection."""


class TooSlowError(SessionEndError):
    """A time limit passed."""


class StoppingError(SessionEndError):
    """The listener stops."""


class LineTooLongError(Exception):
    """A command line was over the limit; it has been dropped up to its end."""


class Inbox:
    """One connection's incoming bytes, for one reader. Holds the peer back while the reader is busy elsewhere."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._start = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._end: SessionEndError | None = None

    @property
    def waiting(self) -> bool:
        """Whether the reader waits for bytes."""
        return self._waiter is not None

    def attach(self, transport: asyncio.Transport) -> None:
        """Hold this transport back from now on."""
        self._transport = transport
        self._paused = False

    def clear(self) -> None:
        """Drop what was not taken."""
        self._set(b"", 0)

    def feed(self, chunk: bytes) -> None:
        """Add bytes that arrived."""
        self._buffer = self._buffer[self._start :] + chunk if self._start < len(self._buffer) else chunk
        self._start = 0
        # Also while the reader is being woken: a loop may read dozens of chunks before it gives the reader its turn.
        if len(self._buffer) > HIGH_WATER and self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        if self._waiter is not None:
            self._wake()

    def fail(self, end: SessionEndError) -> None:
        """Let the reader have what is whole already and then this error. The first one stays."""
        if self._end is None:
            self._end = end
        self._wake()

    async def piece(self) -> bytes:
        """Give all bytes that are there; wait when there are none. Raises `SessionEndError`."""
        while self._start >= len(self._buffer):
            await self._more()
        taken = self._buffer[self._start :]
        self._set(b"", 0)
        return taken

    async def line(self, limit: int) -> bytes:
        """Give the next line without its end. Raises `LineTooLongError` over `limit` bytes, and `SessionEndError`."""
        too_long = False
        while (end := self._buffer.find(b"\n", self._start)) < 0:
            if len(self._buffer) - self._start > limit:
                too_long = True
                self._set(b"", 0)
            await self._more()
        line = self._buffer[self._start : end]
        self._set(self._buffer, end + 1)
        if too_long or len(line) > limit:
            raise LineTooLongError
        return line.removesuffix(b"\r")

    def put_back(self, rest: bytes) -> None:
        """Return what a reader took too much."""
        self._set(rest + self._buffer[self._start :], 0)

    def _set(self, buffer: bytes, start: int) -> None:
        if start >= len(buffer):
            buffer, start = b"", 0
        self._buffer, self._start = buffer, start
        if self._paused and len(buffer) - start <= HIGH_WATER and self._transport is not None:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    async def _more(self) -> None:
        if self._end is not None:
            raise self._end
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
