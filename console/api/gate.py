"""What stands before every path: who asks, how often, how much they send, and headers that keep answers harmless."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.api.idempotency import once
from console.api.ports import Requests, Tokens
from console.api.problems import ProblemError, answer
from console.api.tokens import StoredToken, parts, proves

ROOT: Final = "/api/v1"
OPEN_PATHS: Final = frozenset({f"{ROOT}/openapi.json"})
UPLOADS: Final = f"{ROOT}/uploads"
MAX_BODY: Final = 1024 * 1024
MAX_UPLOAD: Final = 20 * 1024 * 1024
"""Bytes of a file: the same limit as for files of a mail."""
UPLOADS_AT_ONCE: Final = 4
BODY_SECONDS: Final = 60.0
"""For a whole body; somebody who sends slower holds a place that others need."""
FAILURES_A_MINUTE: Final = 30
"""Of one address without a right token."""
CALLERS: Final = 10_000
"""Tokens and addresses remembered for the rates, at most."""

_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Rates:
    """A token bucket for every caller: `per_minute` requests, a sixth of them at once."""

    def __init__(self, *, per_minute: int, timer: Callable[[], float]) -> None:
        self._rate = per_minute / 60
        self._most = max(10.0, per_minute / 6)
        self._timer = timer
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str, *, cost: float = 1.0) -> float:
        """Take one request; give 0, or how many seconds to wait before the next try. `cost` 0 only looks."""
        now = self._timer()
        left, seen = self._left.pop(caller, (self._most, now))
        left = min(self._most, left + (now - seen) * self._rate)
        allowed = left >= 1
        self._left[caller] = (left - cost if allowed else left, now)
        while len(self._left) > CALLERS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one caller may do."""

    requests_per_minute: int


class Gate:
    """ASGI middleware around the API. Puts the token into `request.state.token`."""

    def __init__(
        self,
        *,
        app: ASGIApp,
        tokens: Tokens,
        requests: Requests,
        limits: Limits,
        clock: Callable[[], datetime],
        timer: Callable[[], float],
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._requests = requests
        self._clock = clock
        self._rates = Rates(per_minute=limits.requests_per_minute, timer=timer)
        self._failures = Rates(per_minute=FAILURES_A_MINUTE, timer=timer)
        self._uploads = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            return
        send = _guarded(send)
        try:
            await self._pass(scope, receive, send)
        except ProblemError as error:
            await answer(error)(scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in OPEN_PATHS:
            token = await self._token(scope)
            scope.setdefault("state", {})["token"] = token
            self._count(token)
        if scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        elif scope["path"] == UPLOADS:
            async with self._uploads:
                await self._work(scope, await _read(scope, receive, MAX_UPLOAD), send)
        else:
            await self._work(scope, await _read(scope, receive, MAX_BODY), send)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        await once(self._requests, self._app, scope, receive, send)

    async def _token(self, scope: Scope) -> StoredToken:
        """Find who asks. Every reason for a no looks the same."""
        caller = (scope.get("client") or ("", 0))[0]
        wait = self._failures.wait(caller, cost=0)
        if wait:
            raise _too_fast(wait)
        given = _bearer(Headers(scope=scope))
        found = await self._tokens.find(given[0]) if given else None
        if given is None or not proves(found, given[1], now=self._clock()) or found is None:
            self._failures.wait(caller)
            detail = "Send `Authorization: Bearer TOKEN` with a token that is right and has not ended."
            raise ProblemError(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
        await self._tokens.used(found.id)
        return found

    def _count(self, token: StoredToken) -> None:
        wait = self._rates.wait(token.prefix)
        if wait:
            raise _too_fast(wait)


def _too_fast(wait: float) -> ProblemError:
    seconds = str(int(wait) + 1)
    return ProblemError(429, "too-many-requests", f"Ask again in {seconds} s.", headers={"Retry-After": seconds})


def _bearer(headers: Headers) -> tuple[str, str] | None:
    given = headers.getlist("authorization")
    if len(given) != 1:
        return None
    scheme, _, text = given[0].partition(" ")
    return parts(text.strip()) if scheme.lower() == "bearer" else None


def _guarded(send: Send) -> Send:
    """Add the headers that every answer has; those of an answer's own stay."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded


async def _read(scope: Scope, receive: Receive, most: int) -> Receive:
    """Read a whole body. Raises a problem when it is too large or too slow."""
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or int(declared) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ProblemError(400, "cut-off", "The connection ended before the body did; nothing was done.")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise ProblemError(408, "too-slow", f"The body did not come within {BODY_SECONDS:.0f} s.") from None
    scope.setdefault("state", {})["body"] = bytes(body)
    return _again(bytes(body), receive)


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
