"""One daemon a folder: two would fight for ports and children."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

from daemon.errors import UserError

PATIENCE: Final = 3.0
"""Seconds that a start waits for the daemon before it to be gone."""


@asynccontextmanager
async def only_one(folder: Path) -> AsyncIterator[bool]:
    """Hold the folder's lock. Gives whether the daemon before us was killed: then its children may still be leaving.

    The file holds our process id while we live, and nothing after an end in order. Raises `UserError`.
    """
    path = folder / "daemon.lock"
    try:
        file = path.open("a+b")
    except OSError as error:
        raise UserError(f"data_dir: {path} cannot be written ({error.strerror})") from error
    with file:
        await _locked(file, folder)
        file.seek(0)
        was_killed = bool(file.read(1))
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), f"{os.getpid()}\n".encode())
        try:
            yield was_killed
        finally:
            os.ftruncate(file.fileno(), 0)


async def _locked(file: IO[bytes], folder: Path) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if asyncio.get_running_loop().time() > deadline:
                raise UserError(f"another daemon runs in {folder}: stop it, or set another data_dir") from None
            await asyncio.sleep(0.1)
        else:
            return
