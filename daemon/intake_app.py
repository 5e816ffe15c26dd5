"""The HTTP door of the intake: `POST /in/<channel>/<account>` for platforms that call us, and channels' own routes.

Written on bare ASGI, because a delivery's way is short: refuse by path, method, length and headers what can be refused
so, read at most 1 MiB (`daemon.intake_body`), authenticate, store, say yes.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import structlog

from connectors.base import Answer, Delivery, LaterError, Push, Redacts, RefusedError, Screens
from connectors.completing import Completes
from connectors.intake import trace
from daemon.account_intake import AccountIntake
from daemon.body_budget import BodyBudget
from daemon.intake_body import BodyError, DroppedError, TooLargeError, check_length, read_body

RETRY_AFTER: Final = "5"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_NOT_FOUND: Final = Answer(status=404, body=b"not found\n")
_POST_ALONE: Final = Answer(status=405, body=b"POST alone\n", headers={"allow": "POST"})
_TOO_LARGE: Final = Answer(status=413, body=b"too large\n", headers={"connection": "close"})
_TOO_SLOW: Final = Answer(status=408, body=b"too slow\n", headers={"connection": "close"})
_REFUSED: Final = Answer(status=401, body=b"refused\n")
_LATER: Final = Answer(status=503, body=b"later\n", headers={"retry-after": RETRY_AFTER})
_CROWDED: Final = replace(_LATER, headers={**_LATER.headers, "connection": "close"})

_log = structlog.get_logger(__name__)


class PushDoor:
    """Takes the deliveries of one account whose platform calls us."""

    def __init__(self, *, connector: Push, intake: AccountIntake, clock: Callable[[], datetime]) -> None:
        self._connector = connector
        self._screens = connector if isinstance(connector, Screens) else None  # asking costs as much as parsing does
        self._redacts = connector if isinstance(connector, Redacts) else None
        self._completes = connector if isinstance(connector, Completes) else None
        self._intake = intake
        self._clock = clock

    def screen(self, headers: Mapping[str, str]) -> Answer | None:
        """Refuse what can be refused before its body is read, or say later; None for what may go on."""
        try:
            check_length(headers)
            if self._screens is not None:
                self._screens.screen(headers, at=self._clock())
            self._intake.check()
        except TooLargeError:
            return _TOO_LARGE
        except Exception as error:  # noqa: BLE001 - a fault of ours is no reason for a platform to give up
            return self._no(error)
        return None

    def failed(self, error: BodyError) -> Answer:
        """Count a body that did not come whole, and give the answer."""
        self._intake.refused(error.reason)
        if isinstance(error, DroppedError):
            return _CROWDED
        return _TOO_LARGE if isinstance(error, TooLargeError) else _TOO_SLOW

    async def take(self, raw: bytes, *, headers: Mapping[str, str], peer: str, tls: bool) -> Answer:
        """Give the platform's answer: yes after the store, later, or refused. Nothing else ever says yes."""
        delivery = Delivery(
            account=self._connector.account,
            raw=raw,
            received_at=self._clock(),
            intake="webhook",
            peer=peer,
            tls=tls,
            headers=headers,
        )
        try:
            self._connector.authenticate(delivery)
            answer = self._connector.handshake(delivery)
            if answer is not None:
                return answer
            if self._redacts is not None:
                delivery = self._redacts.redacted(delivery)
            if self._completes is not None:
                delivery = await self._completes.complete(delivery)
            await self._intake.accept((delivery,))
        except Exception as error:  # noqa: BLE001 - a fault of ours is no reason for a platform to give up
            return self._no(error)
        return self._connector.yes

    def _no(self, error: Exception) -> Answer:
        if isinstance(error, RefusedError):
            self._intake.refused("forged")
            return _REFUSED
        if not isinstance(error, LaterError):
            name = self._connector.account.name
            _log.error("push failed", account=name, error=type(error).__name__, trace=trace(error))
        return _LATER


class IntakeApp:
    """The whole door. `doors` by (channel, account); `inner` has the channels' own routes, `out` gives files away."""

    def __init__(
        self,
        *,
        doors: Mapping[tuple[str, str], PushDoor],
        inner: App | None,
        out: App | None = None,
        budget: BodyBudget | None = None,
    ) -> None:
        self._doors = doors
        self._inner = inner
        self._out = out
        self._budget = budget or BodyBudget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] == "http" and scope["path"].startswith("/in/"):
            await _answer(send, await self._push(scope, receive))
        elif scope["type"] == "http" and scope["path"].startswith("/out/") and self._out is not None:
            await self._out(scope, receive, send)
        elif self._inner is not None:
            await self._inner(scope, receive, send)
        elif scope["type"] == "http":
            await _answer(send, _NOT_FOUND)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _push(self, scope: Scope, receive: Receive) -> Answer:
        channel, _, account = scope["path"][len("/in/") :].partition("/")
        door = self._doors.get((channel, account))
        if door is None:
            return _NOT_FOUND
        if scope["method"] != "POST":
            return _POST_ALONE
        headers = _headers(scope["headers"])
        answer = door.screen(headers)
        if answer is not None:
            return answer
        client = scope.get("client")
        peer, tls = str(client[0]) if client else "", scope.get("scheme") == "https"
        with self._budget.hold(account) as held:
            try:
                raw = await read_body(receive, budget=self._budget, held=held)
            except BodyError as error:
                return door.failed(error)
            return await door.take(raw, headers=headers, peer=peer, tls=tls)


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give headers by lower-case name; those that come twice are joined, so that no proof hides behind another."""
    found: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _answer(send: Send, answer: Answer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
