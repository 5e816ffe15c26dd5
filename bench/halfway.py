"""Many SMTP connections, each in the middle of a large mail that does not end: what an attack or bad luck looks like.

One thread and one epoll for all of them; every connection sends so many bytes of DATA and then stands still.
"""

import select
import socket
import time
from dataclasses import dataclass, field
from typing import Final

from bench.mails import RECIPIENT

PATIENCE: Final = 300.0
LINE: Final = b"x" * 74 + b"\r\n"
HEAD: Final = b"From: ana@a.example\r\nSubject: large\r\nMessage-ID: <%d@half.example>\r\n\r\n"
ASKS: Final = (b"EHLO bench.example\r\n", b"MAIL FROM:<ana@a.example>\r\n", b"RCPT TO:<%s>\r\n", b"DATA\r\n")
PIECE: Final = LINE * 1000


class HalfwayError(Exception):
    """The server closed a connection, or took no more for too long."""


@dataclass(slots=True, eq=False)
class _Line:
    socket: socket.socket
    asked: int = 0
    heard: bytes = b""
    left: int = 0
    waiting: bytes = b""


@dataclass(kw_only=True)
class Halfway:
    """`count` connections that each send `size` bytes of a mail. `refused`: how many were told no, by the answer."""

    port: int
    count: int
    size: int
    refused: dict[str, int] = field(default_factory=dict)
    _lines: dict[int, _Line] = field(default_factory=dict)
    _poll: select.epoll = field(default_factory=select.epoll)

    def open(self) -> None:
        """Connect all, and go on until each waits for the rest of its DATA or was refused. Raises `HalfwayError`."""
        for _ in range(self.count):
            line = _Line(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE))
            line.socket.settimeout(0)
            self._lines[line.socket.fileno()] = line
            self._poll.register(line.socket.fileno(), select.EPOLLIN)
        moved = time.monotonic()
        while busy := [line for line in self._lines.values() if line.asked <= len(ASKS) or line.left or line.waiting]:
            events = self._poll.poll(0.5)
            moved = time.monotonic() if events else moved
            if time.monotonic() - moved > PATIENCE:
                raise HalfwayError(f"{len(busy)} of {self.count} connections stand still")
            for file, event in events:
                self._turn(file, self._lines[file], event)

    def close(self) -> None:
        """Hang up."""
        for line in self._lines.values():
            line.socket.close()
        self._poll.close()

    def _turn(self, file: int, line: _Line, event: int) -> None:
        if event & ~select.EPOLLOUT:
            self._hear(file, line)
        elif line.waiting or line.left:
            self._send(file, line)

    def _hear(self, file: int, line: _Line) -> None:
        try:
            heard = line.socket.recv(4096)
        except OSError:
            heard = b""
        line.heard += heard
        *whole, line.heard = line.heard.split(b"\r\n")
        for reply in whole:
            if reply[3:4] != b"-":
                self._answer(file, line, reply[:3])
                if file not in self._lines:
                    return
        if not heard:
            self._drop(file, line, "closed")

    def _answer(self, file: int, line: _Line, code: bytes) -> None:
        if not code.startswith((b"2", b"3")) or line.asked > len(ASKS):
            self._drop(file, line, code.decode())
        elif line.asked == len(ASKS):
            line.asked += 1
            line.left, line.waiting = self.size, HEAD % file
            self._poll.modify(file, select.EPOLLIN | select.EPOLLOUT)
        else:
            ask = ASKS[line.asked]
            line.socket.sendall(ask % RECIPIENT.encode() if b"%s" in ask else ask)
            line.asked += 1

    def _send(self, file: int, line: _Line) -> None:
        if not line.waiting:
            line.waiting = PIECE[: line.left]
            line.left -= len(line.waiting)
        try:
            line.waiting = line.waiting[line.socket.send(line.waiting) :]
        except BlockingIOError:
            return
        except OSError:
            self._drop(file, line, "closed")
            return
        if not line.waiting and not line.left:
            self._poll.modify(file, select.EPOLLIN)

    def _drop(self, file: int, line: _Line, why: str) -> None:
        self.refused[why] = self.refused.get(why, 0) + 1
        self._poll.unregister(file)
        line.socket.close()
        del self._lines[file]
