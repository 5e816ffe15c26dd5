"""Bodies of requests: read whole or not at all, and never more of them at a time than memory is meant for."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from console.api.problems import ProblemError

BODY_SECONDS: Final = 60.0
"""For a whole body; somebody who sends slower holds memory that others need."""
IN_MEMORY: Final = 96 * 1024 * 1024
"""Bytes of bodies that are being read and worked on at a time."""
OF_ONE: Final = 48 * 1024 * 1024
"""Of these, for the requests of one token."""


class Memory:
    """Bytes promised to bodies, before the first of them is read."""

    def __init__(self, *, most: int = IN_MEMORY, of_one: int = OF_ONE) -> None:
        self._most = most
        self._of_one = of_one
        self._taken: Counter[int] = Counter()

    @contextmanager
    def take(self, token_id: int, size: int) -> Iterator[None]:
        """Take so many bytes for a token's request. Raises a problem when there are none left."""
        if self._taken[token_id] + size > self._of_one:
            detail = "As many bytes of this token's requests are under way as this server allows."
            raise ProblemError(429, "too-much-at-once", detail, headers={"Retry-After": "2"})
        if self._taken.total() + size > self._most:
            detail = "As many bytes are being sent to this server as it holds at a time."
            raise ProblemError(503, "busy", detail, headers={"Retry-After": "5"})
        self._taken[token_id] += size
        try:
            yield
        finally:
            self._taken[token_id] -= size
            if not self._taken[token_id]:
                del self._taken[token_id]


def declared(scope: Scope, most: int) -> int:
    """Give how many bytes a body may come to: as declared, else the most. Raises a problem when that is too large."""
    given = Headers(scope=scope).get("content-length")
    if given is None:
        return most
    if not given.isdecimal() or int(given) > most:
        raise _too_large(most)
    return int(given)


async def read(scope: Scope, receive: Receive, most: int) -> Receive:
    """Read a whole body into `state.body`. Raises a problem when it is too large or too slow."""
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ProblemError(400, "cut-off", "The connection ended before the body did; nothing was done.")
                parts.append(message.get("body", b""))
                more, size = message.get("more_body", False), size + len(parts[-1])
                if size > most:
                    raise _too_large(most)
    except TimeoutError:
        raise ProblemError(408, "too-slow", f"The body did not come within {BODY_SECONDS:.0f} s.") from None
    body = b"".join(parts)
    scope.setdefault("state", {})["body"] = body
    return _again(body, receive)


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _too_large(most: int) -> ProblemError:
    return ProblemError(413, "too-large", f"A body here may have {most:,} bytes.")
