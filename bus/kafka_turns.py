"""Asking several in turn, so that one whose host went dark costs half of the time and not all of it.

A process that died is quick to see: its host refuses. A host that lost its power or its network says nothing at all.
The first has half of the time however many there are: where a connection takes long to make, a share of a cluster of
thirty would be too short for every one of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, RequestTimedOutError

Whom = TypeVar("Whom")
Answer = TypeVar("Answer")

AWAY: Final = (NodeNotReadyError, KafkaConnectionError)
SILENT: Final = (TimeoutError, RequestTimedOutError)


async def in_turn(whom: Sequence[Whom], ask: Callable[[Whom], Awaitable[Answer]], *, until: float) -> Answer:
    """Give the first answer. `until` is by the loop's clock; each has half of the time left, the last all of it.

    Raises what the last one said; `TimeoutError` where somebody was silent, because time may be all that was missing.
    """
    clock = asyncio.get_running_loop().time
    failures: list[Exception] = []
    for place, one in enumerate(whom):
        try:
            async with asyncio.timeout((until - clock()) / min(2, len(whom) - place)):
                return await ask(one)
        except (*AWAY, *SILENT) as error:
            failures.append(error)
    if any(isinstance(error, SILENT) for error in failures):
        raise TimeoutError from failures[-1]
    raise failures[-1]
