"""Reads the body of one request: bounded in bytes, in time, and in what all that come at once may hold."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from daemon.body_budget import BodyBudget, CrowdedError, Hold

MAX_BODY: Final = 1024 * 1024
BODY_SECONDS: Final = 20.0
"""Seconds in which a whole body must have come ..."""
PIECE_SECONDS: Final = 5.0
"""... and in which more of it must."""
_MOST_DIGITS: Final = 9

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class BodyError(Exception):
    """There is no body to work with. `reason` is a word for counters."""

    reason = "gone"


class TooLargeError(BodyError):
    """It is over `MAX_BODY`, or its length is no number."""

    reason = "large"


class TooSlowError(BodyError):
    """It, or its next piece, did not come in time."""

    reason = "slow"


class DroppedError(BodyError):
    """Others needed its room, or there was none."""

    reason = "crowded"


class GoneError(BodyError):
    """The client left in the middle."""


def check_length(headers: Mapping[str, str]) -> None:
    """Refuse by its own words what is too large, before a byte of it is read. Raises `TooLargeError`."""
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or len(length) > _MOST_DIGITS or int(length) > MAX_BODY:
        raise TooLargeError


async def read_body(
    receive: Receive, *, budget: BodyBudget, held: Hold, seconds: float = BODY_SECONDS, between: float = PIECE_SECONDS
) -> bytes:
    """Read it whole. Raises `BodyError`."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await _next(receive, held, min(ends, loop.time() + between))
        parts.append(message.get("body", b""))
        more = bool(message.get("more_body"))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise TooLargeError
        _grow(budget, held, len(parts[-1]))
    budget.whole(held)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _next(receive: Receive, held: Hold, until: float) -> MutableMapping[str, Any]:
    try:
        async with asyncio.timeout_at(until) as held.deadline:
            message = await receive()
    except TimeoutError:
        raise DroppedError if held.is_dropped else TooSlowError from None
    finally:
        held.deadline = None
    if message["type"] == "http.disconnect":
        raise GoneError
    return message


def _grow(budget: BodyBudget, held: Hold, size: int) -> None:
    try:
        budget.grow(held, size)
    except CrowdedError:
        raise DroppedError from None
