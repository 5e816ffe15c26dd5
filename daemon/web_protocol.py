"""One HTTP connection, bounded before any application sees a request: its head in bytes and time, and their number.

uvicorn bounds neither: a head without end, trailers without end and connections that say nothing would stay. Bodies
are bounded by whoever reads them (`daemon.intake_body`); what comes after an early answer is thrown away, for a while.
WebSockets leave this class at their handshake, and have limits of their own.
"""

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 64 * 1024
"""Bytes that a client may send without beginning, continuing or ending a body: request line, headers, trailers."""
HEAD_SECONDS: Final = 20.0
"""Seconds for a request's head, and for the rest of a body that nobody reads any more."""
CONNECTIONS: Final = 2048
"""HTTP connections of a listener. Who comes when all are taken takes the place of one that is between requests."""


class BoundedHttp(HttpToolsProtocol):
    """A connection of one listener; `open_ones` has all of them, the longest quiet first."""

    head_bytes: ClassVar[int] = HEAD_BYTES
    head_seconds: ClassVar[float] = HEAD_SECONDS
    most: ClassVar[int] = CONNECTIONS
    open_ones: "ClassVar[dict[BoundedHttp, None]]"

    def __init__(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - uvicorn's own parameters
        super().__init__(*args, **more)
        self._owed: asyncio.TimerHandle | None = None
        self._in_message = False
        self._progress = 0
        self._without = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Take the connection, if there is a place."""
        super().connection_made(transport)
        if len(self.open_ones) >= self.most and not self._displace():
            transport.abort()
            return
        self.open_ones[self] = None
        self._owe()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what brings a request no further."""
        before = self._progress
        if not self._in_message and self._owed is None:
            self._owe()
        super().data_received(data)
        self._without = self._without + len(data) if self._progress == before else 0
        if self._without > self.head_bytes:
            self.transport.abort()

    def handle_websocket_upgrade(self) -> None:
        """Give the connection up to the chat's own class."""
        self._leave()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_message = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Hand the request on; one that comes before the last was answered ends the connection."""
        self._went_on()
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()
            raise ValueError("pipelined")  # ends the parser's work; uvicorn logs it as an invalid request
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count a piece of a body as going on, if somebody reads it."""
        self._progress += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._in_message = False
        self._went_on()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or a while for the rest of this one."""
        super().on_response_complete()
        if self in self.open_ones:
            self.open_ones[self] = self.open_ones.pop(self)
        if self._in_message:
            self._owe()

    def is_between(self) -> bool:
        """Whether nobody works on anything of it."""
        return self.cycle is None or self.cycle.response_complete

    def _displace(self) -> bool:
        idle = next((one for one in self.open_ones if one.is_between()), None)
        if idle is None:
            return False
        idle.transport.abort()
        self.open_ones.pop(idle)
        return True

    def _owe(self) -> None:
        self._paid()
        self._owed = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _paid(self) -> None:
        if self._owed is not None:
            self._owed.cancel()
            self._owed = None

    def _went_on(self) -> None:
        self._progress += 1
        self._paid()

    def _leave(self) -> None:
        self.open_ones.pop(self, None)
        self._paid()


def bounded(*, most: int = CONNECTIONS, head_seconds: float = HEAD_SECONDS) -> type[BoundedHttp]:
    """Make the class of one listener's connections."""

    class Listener(BoundedHttp):
        """Connections that are counted together."""

    Listener.most, Listener.head_seconds, Listener.open_ones = most, head_seconds, {}
    return Listener
