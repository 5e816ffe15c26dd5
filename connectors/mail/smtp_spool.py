"""Where a mail's bytes wait until its DATA has ended: in memory as long as all connections fit, then on disk.

A body that went to disk must come back into memory to be normalized; it queues for that, so what all connections hold
in memory stays under one limit at every step (while one body becomes `bytes`, that body counts twice).
"""

import asyncio
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from connectors.base import LaterError

PIECE: Final = 32 * 1024
"""Bytes from which on a chunk is kept as it came. Smaller ones are put together: each piece costs some bytes, too."""


class Budget:
    """Bytes that may be held at once. First come, first served: while somebody waits, nobody else takes."""

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        self._used = 0
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def used(self) -> int:
        """Bytes taken and not given back."""
        return self._used

    def take(self, size: int) -> bool:
        """Take now or say no."""
        if self._waiters or self._used + size > self.limit:
            return False
        self._used += size
        return True

    async def take_within(self, size: int, seconds: float) -> bool:
        """Take now or when others have given enough back; False when that takes longer than `seconds`."""
        if self.take(size):
            return True
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((size, turn))
        try:
            await asyncio.wait((turn,), timeout=seconds)
        except asyncio.CancelledError:
            if self._leave(size, turn):
                self.give(size)
            raise
        return self._leave(size, turn)

    def _leave(self, size: int, turn: asyncio.Future[None]) -> bool:
        if turn.done():
            return True
        self._waiters.remove((size, turn))
        self._serve()
        return False

    def give(self, size: int) -> None:
        """Give back what was taken."""
        self._used -= size
        self._serve()

    def _serve(self) -> None:
        while self._waiters and self._used + self._waiters[0][0] <= self.limit:
            size, turn = self._waiters.popleft()
            self._used += size
            turn.set_result(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What all bodies share: memory, disk, and how long a body waits for memory (seconds).

    `reserve` is counted for every body that comes, beside what is kept of it: bytes that its connection has read ahead.
    """

    memory: Budget
    disk: Budget
    folder: Path | None
    wait_seconds: float
    reserve: int = 0


class Body:
    """One mail's bytes. Over `limit` bytes, or with no room left, it forgets them and only counts on."""

    def __init__(self, *, room: Room, limit: int) -> None:
        self._room = room
        self._limit = limit
        self._pieces: list[bytes | bytearray] = []  # one growing buffer would hold a reserve, and leave holes behind
        self._held = 0
        self._reserve = room.reserve if room.memory.take(room.reserve) else 0
        self._file: IO[bytes] | None = None
        self._on_disk = 0
        self._problem = ""
        self.size = 0

    @property
    def too_large(self) -> bool:
        """Whether the mail is over its limit."""
        return self.size > self._limit

    @property
    def spilled(self) -> bool:
        """Whether the bytes are on disk."""
        return self._file is not None

    def append(self, chunk: bytes) -> bool:
        """Keep a chunk in memory; False when it must be given to `spill` instead."""
        self.size += len(chunk)
        if self.too_large or self._problem:
            self.close()
            return True
        if self._file is not None or not self._room.memory.take(len(chunk)):
            return False
        self._held += len(chunk)
        self._keep(chunk)
        return True

    def _keep(self, chunk: bytes) -> None:
        last = self._pieces[-1] if self._pieces else b""
        if isinstance(last, bytearray) and len(last) < PIECE:
            last += chunk
        else:
            self._pieces.append(chunk if len(chunk) >= PIECE else bytearray(chunk))

    async def spill(self, chunk: bytes) -> None:
        """Keep a chunk on disk, with all that came before it."""
        size = self._held + len(chunk)
        if not self._room.disk.take(size):
            self._fail("no room for mail on disk")
            return
        self._on_disk += size
        try:
            await asyncio.to_thread(self._write, *self._pieces, chunk)
        except OSError as error:
            self._fail(f"a body could not be written to disk: {type(error).__name__} {error.errno}")
            return
        self._pieces = []
        self._give_memory()

    def _write(self, *contents: bytes | bytearray) -> None:
        if self._file is None:
            # A temporary file has no name: it is gone with the process, whatever ends it.
            self._file = tempfile.TemporaryFile(dir=self._room.folder)  # noqa: SIM115 - closed with the body
        self._file.writelines(contents)

    async def content(self) -> bytes:
        """Give the whole. Raises `LaterError` when there was no room for it. Counts as memory until `close`."""
        if self._problem:
            raise LaterError(self._problem)
        self._give_reserve()
        if self._file is None:
            content = b"".join(self._pieces)
            self._pieces = []
            return content
        if not await self._room.memory.take_within(self.size, self._room.wait_seconds):
            raise LaterError("no memory for a body that waits on disk")
        self._held += self.size
        try:
            return await asyncio.to_thread(_read_all, self._file)
        except OSError as error:
            raise LaterError(f"a body could not be read from disk: {type(error).__name__} {error.errno}") from error

    def close(self) -> None:
        """Let go of memory and disk. May be called again."""
        self._pieces = []
        self._give_memory()
        self._give_reserve()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._room.disk.give(self._on_disk)
        self._on_disk = 0

    def _fail(self, problem: str) -> None:
        self._problem = problem
        self.close()

    def _give_reserve(self) -> None:
        self._room.memory.give(self._reserve)
        self._reserve = 0

    def _give_memory(self) -> None:
        self._room.memory.give(self._held)
        self._held = 0


def _read_all(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
