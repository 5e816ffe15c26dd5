"""Pages that hold chats while processes are killed: they do what the widget does (`connectors/webchat/widget.js`).

A page keeps what it said until it is acknowledged, under one name; it sends all of that again, in its order, when it is
welcomed anew or was told to come later. It does not wait for one answer before it says the next thing.
"""

import itertools
import json
import threading
import time
from contextlib import suppress
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

ORIGIN = "https://shop.example"
SECRET = "an invented secret of a chat for tests"
STEPS = 6
AHEAD = 3
"""Messages that a visitor writes without waiting for an answer."""
PAUSE = 0.03
PAGES = 4
AGAIN = 0.3
"""Seconds until a page tries again; the widget is more patient."""


def account(name: str) -> dict[str, str]:
    """Settings of a chat that never says that somebody is too fast."""
    limits = dict.fromkeys(("MESSAGES_PER_MINUTE", "MESSAGES_PER_MINUTE_ADDRESS", "MAX_SOCKETS_PER_ADDRESS"), "100000")
    given = {"CHANNEL": "webchat", "SECRET": SECRET, "ORIGINS": json.dumps([ORIGIN]), **limits}
    return {f"SWITCHBOARD_ACCOUNTS__{name.upper()}__{key}": value for key, value in given.items()}


class Page:
    """One visitor in one browser, from the first message to the last acknowledgement."""

    def __init__(self, *, url: str, name: str) -> None:
        self.name = name
        self.taken: set[str] = set()
        self._url = url
        self._token = ""
        self._waiting: dict[str, str] = {}
        self._sent = 0
        self._is_open = False

    @property
    def in_flight(self) -> int:
        """Messages that went into an open socket and are not acknowledged."""
        return len(self._waiting) if self._is_open else 0

    def run(self, ended: threading.Event) -> None:
        """Say everything; a person who was told that it is over says nothing new."""
        while self._waiting or (self._sent < STEPS and not ended.is_set()):
            with suppress(OSError, WebSocketException, EOFError):  # the intake was killed: come again
                self._visit(ended)
            self._is_open = False
            time.sleep(AGAIN)

    def _visit(self, ended: threading.Event) -> None:
        with connect(self._url, origin=Origin(ORIGIN), open_timeout=5, close_timeout=1) as socket:
            self._enter(socket)
            self._talk(socket, ended)

    def _enter(self, socket: ClientConnection) -> None:
        socket.send(json.dumps({"t": "hello", "token": self._token, "user": None, "line": None, "page": "/"}))
        welcome = json.loads(socket.recv(timeout=20))
        if welcome["t"] == "welcome":
            self._token = welcome["token"]
            self._is_open = True
            self._send_again(socket)

    def _send_again(self, socket: ClientConnection) -> None:
        for waiting in self._waiting.values():
            socket.send(waiting)

    def _talk(self, socket: ClientConnection, ended: threading.Event) -> None:
        while self._is_open and (self._waiting or (self._sent < STEPS and not ended.is_set())):
            if self._sent < STEPS and len(self._waiting) < AHEAD and not ended.is_set():
                self._say(socket)
            with suppress(TimeoutError):
                self._hear(socket, json.loads(socket.recv(timeout=PAUSE)))

    def _say(self, socket: ClientConnection) -> None:
        token = f"{self.name}-{self._sent}"
        self._sent += 1
        self._waiting[token] = json.dumps({"t": "say", "id": token, "text": f"token {token}\nby socket", "files": []})
        socket.send(self._waiting[token])

    def _hear(self, socket: ClientConnection, frame: dict[str, Any]) -> None:
        assert frame["t"] in ("ack", "later", "bye"), frame
        if frame["t"] == "ack" and self._waiting.pop(frame["id"], None):
            self.taken.add(frame["id"])
        elif frame["t"] == "later":
            time.sleep(AGAIN)
            self._send_again(socket)
        elif frame["t"] == "bye":
            self._is_open = False


class Pages:
    """Visitors one after the other, in some browsers at once."""

    def __init__(self, port: int, account_name: str, *, run: str = "socket", pages: int = PAGES) -> None:
        self._name = run
        self._url = f"ws://127.0.0.1:{port}/webchat/{account_name}/socket"
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._open: dict[int, Page] = {}
        self.taken: set[str] = set()
        self._threads = [threading.Thread(target=self._browse, args=(at,), daemon=True) for at in range(pages)]

    @property
    def in_flight(self) -> int:
        """Messages on the wire, and not acknowledged."""
        return sum(page.in_flight for page in tuple(self._open.values()))

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Let every page have its acknowledgements."""
        self._ended.set()
        for thread in self._threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in self._threads), "a message was never acknowledged"

    def _browse(self, at: int) -> None:
        while not self._ended.is_set():
            page = Page(url=self._url, name=f"{self._name}-{next(self._numbers)}")
            page.taken = self.taken
            self._open[at] = page
            page.run(self._ended)
