"""Customers on pages: what the widget does, over a real WebSocket."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from daemon.demo.customers import Account, Heard
from daemon.errors import UserError

SITE: Final = "http://shop.example"
ANSWER_SECONDS: Final = 20
LOOK_SECONDS: Final = 0.05


class ChatCustomer:
    """Sits before a page with the chat; the page says that the answer was seen, and comes again when it was cut off."""

    channel, account, name = "webchat", "site", "Marta"
    state = "seen"
    words = "Is the autumn offer still good?"

    def __init__(self) -> None:
        self._url = ""
        self._token = ""
        self._socket: ClientConnection | None = None
        self._lines: list[Mapping[str, Any]] = []
        self._heard: Heard | None = None

    def settings(self) -> Account:
        """Give the chat's settings."""
        return {"SECRET": secrets.token_urlsafe(32), "ORIGINS": json.dumps([SITE])}

    def is_reachable(self) -> bool:
        """Say yes: the page asks when it opens."""
        return True

    def write(self, intake: str) -> None:
        """Open the chat and write; the page waits for the acknowledgement."""
        self._url = f"{intake.replace('http', 'ws', 1)}/webchat/{self.account}/socket"
        try:
            socket = self._open()
            _say(socket, t="say", id="demo-1", text=self.words)
            _wait(socket, "ack")
        except (OSError, TimeoutError, WebSocketException) as error:
            raise UserError(f"the chat did not take the words: {type(error).__name__}") from error

    def heard(self) -> Heard | None:
        """Give the line that the page was sent; one that fell asks for what it has not seen."""
        try:
            socket = self._socket or self._open()
            if self._heard is None and (line := self._lines[0] if self._lines else _next(socket, "line", LOOK_SECONDS)):
                _say(socket, t="seen", line=line["line"])
                self._heard = Heard(text=str(line["text"]), seen=f"line {line['line']} on her page, seen")
        except (OSError, WebSocketException):
            self._socket = None
        return self._heard

    def close(self) -> None:
        """Close the page."""
        if self._socket is not None:
            self._socket.close()

    def _open(self) -> ClientConnection:
        socket = connect(self._url, origin=Origin(SITE), proxy=None)
        _say(socket, t="hello", page=f"{SITE}/offers", language="en", token=self._token, line=0)
        welcome = _wait(socket, "welcome")
        self._socket, self._token, self._lines = socket, welcome["token"], welcome["lines"]
        return socket


def _wait(socket: ClientConnection, kind: str) -> Mapping[str, Any]:
    found = _next(socket, kind, ANSWER_SECONDS)
    if found is None:
        raise UserError(f"the chat did not say {kind}")
    return found


def _next(socket: ClientConnection, kind: str, seconds: float) -> Mapping[str, Any] | None:
    """Give the next frame of a kind; None when it does not come in time. Others are dropped."""
    try:
        while True:
            frame: dict[str, Any] = json.loads(socket.recv(timeout=seconds))
            if frame.get("t") == kind:
                return frame
    except TimeoutError:
        return None


def _say(socket: ClientConnection, **frame: object) -> None:
    socket.send(json.dumps(frame))


@contextmanager
def chat_customer() -> Iterator[ChatCustomer]:
    """Have a page open while the demo runs."""
    customer = ChatCustomer()
    try:
        yield customer
    finally:
        customer.close()
