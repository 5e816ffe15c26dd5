"""A load generator for HTTP that costs little of what it measures: requests made beforehand, one process, no library.

Connections are kept, and each waits for its answer before the next request, as platforms' do. With a rate, requests are
due at even distances and a latency counts from the moment at which a request was due, so that a server that stops for a
while does not hide how many would have waited. 503 counts as "later": the same request goes again after a moment.
"""

import multiprocessing
import resource
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

PAUSE: Final = 0.05
"""Seconds before a request that was answered with 503 goes again."""
PATIENCE: Final = 60.0
"""Seconds without any answer after which the run is over."""
READ: Final = 64 * 1024


class LoadError(Exception):
    """The server refused, went away, or said nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one run measured. Seconds; latencies sorted; `processor` is what the generator itself used."""

    seconds: float
    latencies: tuple[float, ...]
    later: int
    processor: float

    @property
    def rate(self) -> float:
        """Answers a second, from the first request to the last answer."""
        return len(self.latencies) / self.seconds

    def latency(self, share: float) -> float:
        """Give the latency that this share of the requests stayed under, in seconds."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def load(requests: Sequence[bytes], *, port: int, connections: int, rate: float | None = None) -> Loaded:
    """Send all requests to a port of this machine, as fast as answers come or `rate` a second."""
    context = multiprocessing.get_context("fork")
    results: SimpleQueue[Loaded | str] = context.SimpleQueue()
    worker = context.Process(target=_work, args=(requests, port, connections, rate, results))
    worker.start()
    found = results.get()
    worker.join()
    if isinstance(found, str):
        raise LoadError(found)
    return found


def _work(
    requests: Sequence[bytes], port: int, connections: int, rate: float | None, results: "SimpleQueue[Loaded | str]"
) -> None:
    try:
        results.put(_Run(requests, port, connections, rate).run())
    except (OSError, LoadError) as error:
        results.put(f"{type(error).__name__}: {error}")


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    number: int = 0
    heard: bytes = b""


@dataclass(slots=True)
class _Run:
    requests: Sequence[bytes]
    port: int
    connections: int
    rate: float | None
    free: deque[_Connection] = field(default_factory=deque)
    by_file: dict[int, _Connection] = field(default_factory=dict)
    due: list[float] = field(default_factory=list)
    again: deque[tuple[float, int]] = field(default_factory=deque)
    latencies: list[float] = field(default_factory=list)
    later: int = 0
    began: float = 0.0
    sent: int = 0

    def run(self) -> Loaded:
        """Send and hear everything."""
        poll = select.epoll()
        for _ in range(self.connections):
            made = _Connection(socket.create_connection(("127.0.0.1", self.port)))
            made.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poll.register(made.socket.fileno(), select.EPOLLIN)
            self.by_file[made.socket.fileno()] = made
            self.free.append(made)
        self.due = [0.0] * len(self.requests)
        used, self.began = _processor(), time.perf_counter()
        heard_at = self.began
        while len(self.latencies) < len(self.requests):
            self._send_what_is_due(time.perf_counter())
            events = poll.poll(self._wait())
            now = time.perf_counter()
            for file, _ in events:
                self._hear(self.by_file[file], now)
            heard_at = now if events else heard_at
            if now - heard_at > PATIENCE:
                raise LoadError(f"no answer for {PATIENCE:g} s")
        seconds = time.perf_counter() - self.began
        for made in self.by_file.values():
            made.socket.close()
        return Loaded(
            seconds=seconds, latencies=tuple(sorted(self.latencies)), later=self.later, processor=_processor() - used
        )

    def _send_what_is_due(self, now: float) -> None:
        free = self.free
        while free and self.again and self.again[0][0] <= now:
            self._send(free.popleft(), self.again.popleft()[1])
        while free and self.sent < len(self.requests):
            due = now
            if self.rate is not None and (due := self.began + self.sent / self.rate) > now:
                return
            self.due[self.sent] = due
            self._send(free.popleft(), self.sent)
            self.sent += 1

    def _wait(self) -> float:
        """Give the seconds until something is due that a connection is free for."""
        if not self.free:
            return 1.0
        next_ones = [1.0]
        if self.again:
            next_ones.append(self.again[0][0] - time.perf_counter())
        if self.rate is not None and self.sent < len(self.requests):
            next_ones.append(self.began + self.sent / self.rate - time.perf_counter())
        return max(0.0, min(next_ones))

    def _send(self, connection: _Connection, number: int) -> None:
        connection.number = number
        connection.socket.sendall(self.requests[number])

    def _hear(self, connection: _Connection, now: float) -> None:
        piece = connection.socket.recv(READ)
        if not piece:
            raise LoadError("the server closed a connection")
        heard = connection.heard + piece if connection.heard else piece
        end = _end(heard)
        if end is None:
            connection.heard = heard
            return
        connection.heard = b""
        if heard.startswith(b"HTTP/1.1 2"):
            self.latencies.append(now - self.due[connection.number])
        elif heard.startswith(b"HTTP/1.1 503"):
            self.later += 1
            self.again.append((now + PAUSE, connection.number))
        else:
            raise LoadError(f"answered {heard[:80]!r}")
        self.free.append(connection)


def _end(heard: bytes) -> int | None:
    """Give where the answer ends; None while it has not come as a whole."""
    head = heard.find(b"\r\n\r\n")
    if head < 0:
        return None
    start = heard.lower().find(b"content-length:", 0, head)
    if start < 0:
        return head + 4
    length = int(heard[start + 15 : heard.index(b"\r\n", start)])
    end = head + 4 + length
    return end if len(heard) >= end else None


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
