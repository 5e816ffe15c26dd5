"""What a process asks for while it starts: store and bus may not answer yet."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from bus.port import BusError
from daemon.adapters import STORE_ERRORS
from daemon.health import STORE
from daemon.process import Process
from ticket_store.instance import Instance, read_or_create
from ticket_store.pool import Pool

RETRY: Final = 1.0
"""Seconds between two tries."""

_T = TypeVar("_T")


async def patiently(process: Process, what: str, ask: Callable[[], Awaitable[_T]]) -> _T | None:
    """Ask until there is an answer; None when the process is told to stop meanwhile. `what` is the board's word."""
    while not process.stop.is_set():
        try:
            found = await ask()
        except (BusError, *STORE_ERRORS) as error:
            process.board.set(what, f"no answer since the start: {type(error).__name__}", name="start")
            await asyncio.sleep(RETRY)
        else:
            process.board.clear(what, name="start")
            return found
    return None


async def instance_of(process: Process, pool: Pool) -> Instance | None:
    """Read who this installation is; None when the process is told to stop before the store answers."""

    async def read() -> Instance:
        async with pool.connection(timeout=5) as connection:
            return await read_or_create(connection)

    return await patiently(process, STORE, read)
