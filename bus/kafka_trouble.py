"""Dealing with a client library that may hang or fail: bounded waits, our errors, and nothing left behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka.errors import KafkaError

from bus.port import BusError, BusUnavailableError

CLOSE_SECONDS = 1.0


@asynccontextmanager
async def answers_within(seconds: float) -> AsyncIterator[None]:
    """Bound what is inside in time and say `BusUnavailableError` for whatever keeps the cluster from answering."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise BusUnavailableError(f"Kafka did not answer within {seconds:g} s") from error
    except NotImplementedError as error:
        raise BusError("these brokers are too old: Kafka 3.0 or later is needed") from error
    except (KafkaError, OSError) as error:
        raise BusUnavailableError(f"Kafka cannot serve now: {type(error).__name__}") from error


class Janitor:
    """Sees starts that nobody waits for any more through to their end.

    aiokafka forgets to close its first connection when its start is cancelled. So a start is never cancelled: whoever
    gives up on it leaves it to finish or fail by its own time-outs, after which it is stopped.
    """

    def __init__(self) -> None:
        self._leftovers: set[asyncio.Task[None]] = set()

    async def start(
        self, starting: Coroutine[Any, Any, object], stop: Callable[[], Awaitable[object]], *, patience: float
    ) -> None:
        """Wait for a start. When it fails, or the caller gives up and `patience` seconds are over, stop it."""
        task = asyncio.create_task(starting)
        try:
            await asyncio.shield(task)
        except BaseException:
            leftover = asyncio.create_task(_stop_after(task, stop, patience))
            self._leftovers.add(leftover)
            leftover.add_done_callback(self._leftovers.discard)
            raise

    async def finish(self) -> None:
        """Wait for what was left."""
        await asyncio.gather(*self._leftovers)


async def _stop_after(task: asyncio.Task[object], stop: Callable[[], Awaitable[object]], patience: float) -> None:
    await asyncio.wait([task], timeout=patience)
    task.cancel()
    await asyncio.wait([task], timeout=CLOSE_SECONDS)
    await let_go(stop())


async def let_go(closing: Awaitable[object], *, seconds: float = CLOSE_SECONDS) -> None:
    """Close something of the client library, without waiting long for a peer that does not answer any more."""
    with suppress(TimeoutError, KafkaError, OSError):
        await asyncio.wait_for(closing, seconds)
