"""Pages of a web chat, thousands in one process: hand-written WebSockets (RFC 6455), so that they cost little.

They say hello as the widget does, ping every 25 seconds as the widget does, and offer to compress as browsers do.
"""

import base64
import heapq
import json
import os
import resource
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

READ: Final = 64 * 1024
PATIENCE: Final = 120.0
BEAT: Final = 25.0
AT_A_TIME: Final = 64
"""Pages that come in at the same time; the listener's queue is not what is measured."""
CLOSE: Final = 8
PING: Final = 9


class ChatError(Exception):
    """The chat did not do what the widget needs."""


@dataclass(slots=True, eq=False)
class Page:
    """One open page."""

    socket: socket.socket
    heard: bytes = b""
    is_open: bool = False
    chat: str = ""
    """What the token names: the chat whose lines come here."""


@dataclass(slots=True)
class Pages:
    """All pages of a run. `origin` is the site that shows the chat; times are seconds of `time.perf_counter`."""

    port: int
    account: str
    origin: str
    pages: list[Page] = field(default_factory=list)
    acks: list[float] = field(default_factory=list)
    lines: dict[str, float] = field(default_factory=dict)
    later: int = 0
    _poll: select.epoll = field(default_factory=select.epoll)
    _by_file: dict[int, Page] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    _beats: list[tuple[float, int]] = field(default_factory=list)
    _again: list[tuple[float, str]] = field(default_factory=list)
    _frames: dict[str, tuple[Page, bytes]] = field(default_factory=dict)
    _said: int = 0

    def open(self, count: int, each: Callable[[int], None] = lambda _: None) -> None:
        """Open so many more, each until it is welcome; `each` hears how many there are."""
        wanted = len(self.pages) + count
        allow_files(wanted + 200)
        while len(self.pages) < wanted:
            some = [self._connect() for _ in range(min(AT_A_TIME, wanted - len(self.pages)))]
            self.pages.extend(some)
            self._until(partial(_are_welcome, some), "a page was not welcome")
            self._beat()
            each(len(self.pages))

    def wait(self, seconds: float) -> None:
        """Do what idle pages do."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self._turn(min(left, 0.2))
            self._beat()

    def say(self, count: int, *, rate: float, text: str) -> None:
        """Say so many messages at even distances, each on another page, and wait for every ack."""
        began, first = time.perf_counter(), len(self.acks)
        for number in range(count):
            due = began + number / rate
            while (left := due - time.perf_counter()) > 0:
                self._turn(left)
                self._beat()
            self._say(due, text)
            self._turn(0)
        self._until(lambda: len(self.acks) - first >= count, "an ack did not come")

    def hear(self, expected: set[str]) -> None:
        """Wait until all these lines have come."""
        self._until(lambda: expected <= self.lines.keys(), "a line did not come")

    def close(self) -> None:
        """Close all sockets."""
        for page in self.pages:
            page.socket.close()
        self._poll.close()

    def _connect(self) -> Page:
        made = Page(socket.create_connection(("127.0.0.1", self.port)))
        made.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        made.socket.sendall(
            f"GET /webchat/{self.account}/socket HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: {self.origin}\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) bench\r\nAccept-Language: en\r\n\r\n".encode()
        )
        self._poll.register(made.socket.fileno(), select.EPOLLIN)
        self._by_file[made.socket.fileno()] = made
        heapq.heappush(self._beats, (time.perf_counter() + BEAT, made.socket.fileno()))
        return made

    def _say(self, due: float, text: str) -> None:
        name = f"m{self._said}"
        page = self.pages[self._said * 7919 % len(self.pages)]  # a prime: one after the other, all over the place
        self._said += 1
        self._due[name] = due
        self._frames[name] = page, framed({"t": "say", "id": name, "text": f"{text} {name}"})
        page.socket.sendall(self._frames[name][1])

    def _beat(self) -> None:
        """Send what is due: pings, and what was told to come again."""
        now = time.perf_counter()
        while self._again and self._again[0][0] <= now:
            page, frame = self._frames[heapq.heappop(self._again)[1]]
            page.socket.sendall(frame)
        while self._beats and self._beats[0][0] <= now:
            _, file = heapq.heappop(self._beats)
            page = self._by_file[file]
            if page.is_open:
                page.socket.sendall(framed({"t": "ping"}))
            heapq.heappush(self._beats, (now + BEAT, file))

    def _until(self, is_done: Callable[[], bool], problem: str) -> None:
        give_up = time.perf_counter() + PATIENCE
        while not is_done():
            self._turn(0.2)
            self._beat()
            if time.perf_counter() > give_up:
                raise ChatError(f"{problem} for {PATIENCE:g} s")

    def _turn(self, seconds: float) -> None:
        for file, _ in self._poll.poll(seconds):
            page = self._by_file[file]
            piece = page.socket.recv(READ)
            if not piece:
                raise ChatError("the chat closed a page")
            self._take(page, page.heard + piece, time.perf_counter())

    def _take(self, page: Page, heard: bytes, now: float) -> None:
        if not page.is_open:
            head, end, heard = heard.partition(b"\r\n\r\n")
            if not end:
                page.heard = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise ChatError(f"no socket: {head[:80]!r}")
            page.is_open = True
            page.socket.sendall(framed({"t": "hello", "language": "en", "page": f"{self.origin}/shop"}))
        while (found := unframed(heard)) is not None:
            opcode, content, heard = found
            if opcode == PING:
                page.socket.sendall(_frame(0xA, content))
            elif opcode == CLOSE:
                raise ChatError(f"the chat closed a page: {content!r}")
            else:
                self._hear(page, json.loads(content), now)
        page.heard = heard

    def _hear(self, page: Page, frame: dict[str, Any], now: float) -> None:
        kind = frame["t"]
        if kind == "ack":
            self.acks.append(now - self._due.pop(frame["id"]))
            del self._frames[frame["id"]]
        elif kind == "line":
            self.lines[frame["text"]] = now
            page.socket.sendall(framed({"t": "got", "line": frame["line"]}))
        elif kind == "welcome":
            page.chat = chat_of(frame["token"])
        elif kind == "later":
            self.later += 1
            heapq.heappush(self._again, (now + frame["after"], frame["id"]))
        elif kind != "pong":
            raise ChatError(f"unexpected {kind}")


def chat_of(token: str) -> str:
    """Give the chat that a visitor's token names."""
    content = token.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))["chat"])


def framed(content: dict[str, Any]) -> bytes:
    """Give a text frame of a page; its mask is zero, which is allowed and costs nothing."""
    return _frame(0x1, json.dumps(content).encode())


def _frame(opcode: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + content


def unframed(heard: bytes) -> tuple[int, bytes, bytes] | None:
    """Give opcode and content of the first frame of the server, and the rest; None while it is not whole."""
    if len(heard) < 2:
        return None
    size, start = heard[1] & 0x7F, 2
    if size >= 126:
        width = 2 if size == 126 else 8
        size, start = int.from_bytes(heard[2 : 2 + width], "big"), 2 + width
    end = start + size
    return (heard[0] & 0x0F, heard[start:end], heard[end:]) if len(heard) >= end else None


def allow_files(count: int) -> None:
    """Let this process, and those that it starts, have so many open files. Raises `ChatError`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise ChatError(f"{count} open files are needed, and the limit (ulimit -Hn) is {hard}")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _are_welcome(pages: Sequence[Page]) -> bool:
    return all(page.chat for page in pages)
