"""What stands before every path: who asks, how often, how much they send, and headers that keep answers harmless."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.api import bodies
from console.api.access import check_scope
from console.api.idempotency import key_of, once
from console.api.needed import ScopeOf
from console.api.ports import Requests, Tokens
from console.api.problems import ProblemError, answer
from console.api.rates import Rates
from console.api.tokens import StoredToken, parts, proves
from schemas.callers import counted

ROOT: Final = "/api/v1"
OPEN_PATHS: Final = frozenset({f"{ROOT}/openapi.json"})
UPLOADS: Final = f"{ROOT}/uploads"
MAX_BODY: Final = 1024 * 1024
MAX_UPLOAD: Final = 20 * 1024 * 1024
"""Bytes of a file: the same limit as for files of a mail."""
FAILURES_A_MINUTE: Final = 30
"""Of one address, or one IPv6 network, without a right token; a right one is let in whatever came from there before."""

_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one caller may do."""

    requests_per_minute: int


class Gate:
    """ASGI middleware around the API. Puts the token into `request.state.token`, a body into `request.state.body`.

    The order is: who asks, how often, which scope, whether there is room; only then is a body read.
    """

    def __init__(
        self,
        *,
        app: ASGIApp,
        scope_of: ScopeOf,
        tokens: Tokens,
        requests: Requests,
        limits: Limits,
        clock: Callable[[], datetime],
        timer: Callable[[], float],
    ) -> None:
        self._app = app
        self._scope_of = scope_of
        self._tokens = tokens
        self._requests = requests
        self._clock = clock
        self._rates = Rates(per_minute=limits.requests_per_minute, timer=timer)
        self._failures = Rates(per_minute=FAILURES_A_MINUTE, timer=timer)
        self._memory = bodies.Memory()

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
        if scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        token = await self._token(scope)
        scope.setdefault("state", {})["token"] = token
        self._rates.count(token.prefix)
        needed = self._scope_of(scope["method"], scope["path"])
        if needed is not None:
            check_scope(token, needed)
        if needed is None or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        else:
            await self._work(token, scope, receive, send)

    async def _work(self, token: StoredToken, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, for which there must be room, and do what is asked."""
        key_of(scope)
        most = MAX_UPLOAD if scope["path"] == UPLOADS else MAX_BODY
        size = bodies.declared(scope, most)
        if scope["path"] == UPLOADS:
            await self._requests.check_room(token.id, size)
        with self._memory.take(token.id, size):
            await once(self._requests, self._app, scope, await bodies.read(scope, receive, size), send)

    async def _token(self, scope: Scope) -> StoredToken:
        """Find who asks. Every reason for a no looks the same, and only a no is counted."""
        given = _bearer(Headers(scope=scope))
        found = await self._tokens.find(given[0]) if given else None
        if given is None or not proves(found, given[1], now=self._clock()) or found is None:
            self._failures.count(counted((scope.get("client") or ("", 0))[0]))
            detail = "Send `Authorization: Bearer TOKEN` with a token that is right and has not ended."
            raise ProblemError(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})
        await self._tokens.used(found.id)
        return found


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
