"""Sends mail over kept SMTP sessions as a plain client would, and measures what the server takes.

Blocking sockets, one thread a session, in processes of their own, so that the driver costs little of what it measures.
A session waits for every reply, as a client without pipelining does. A 4xx answer to DATA counts as "later": the same
mail is sent again after a moment, as an MTA would.
"""

import multiprocessing
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from bench.mails import RECIPIENT, Mail, on_the_wire

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

PAUSE: Final = 0.05
"""Seconds before a mail that was answered with 4xx is sent again."""
PATIENCE: Final = 60.0
"""Seconds for one reply."""


class DriveError(Exception):
    """The server said no for ever, or went away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """What one run measured. Times are seconds; latencies are from the end of DATA to its 250, sorted."""

    sent: int
    seconds: float
    latencies: tuple[float, ...]
    later: int

    @property
    def rate(self) -> float:
        """Mails a second, from the first connection to the last 250."""
        return self.sent / self.seconds

    def latency(self, share: float) -> float:
        """Give the latency that this share of the mails stayed under, in seconds."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


@dataclass(kw_only=True)
class _Tally:
    latencies: list[float] = field(default_factory=list)
    later: int = 0
    errors: list[str] = field(default_factory=list)


Parcel = tuple[bytes, bytes]
"""Sender and the bytes of DATA, prepared before the clock starts."""


def drive(mails: Sequence[Mail], *, port: int, sessions: int = 10, processes: int = 2) -> Driven:
    """Send all mails to a port of this machine. Mail n goes over session n modulo sessions, so order is nearly kept."""
    parcels = [(mail.sender.encode(), on_the_wire(mail.raw)) for mail in mails]
    context = multiprocessing.get_context("fork")
    tallies: SimpleQueue[_Tally] = context.SimpleQueue()
    shares = [range(first, sessions, processes) for first in range(min(processes, sessions))]
    workers = [context.Process(target=_work, args=(parcels, port, share, sessions, tallies)) for share in shares]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    found = [tallies.get() for _ in workers]
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    if errors := [error for tally in found for error in tally.errors]:
        raise DriveError(errors[0])
    latencies = tuple(sorted(latency for tally in found for latency in tally.latencies))
    return Driven(sent=len(latencies), seconds=seconds, latencies=latencies, later=sum(tally.later for tally in found))


def _work(
    parcels: Sequence[Parcel], port: int, share: Sequence[int], sessions: int, tallies: "SimpleQueue[_Tally]"
) -> None:
    found = [_Tally() for _ in share]
    threads = [
        threading.Thread(target=_session, args=(parcels[number::sessions], port, tally))
        for number, tally in zip(share, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tallies.put(
        _Tally(
            latencies=[latency for tally in found for latency in tally.latencies],
            later=sum(tally.later for tally in found),
            errors=[error for tally in found for error in tally.errors],
        )
    )


def _session(parcels: Sequence[Parcel], port: int, tally: _Tally) -> None:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection.makefile("rb") as replies:
                _expect(replies, b"220")
                _command(connection, replies, b"EHLO bench.example\r\n", b"250")
                for sender, data in parcels:
                    _deliver(connection, replies, sender, data, tally)
                _command(connection, replies, b"QUIT\r\n", b"221")
    except (OSError, DriveError) as error:
        tally.errors.append(f"{type(error).__name__}: {error}")


def _deliver(connection: socket.socket, replies: BinaryIO, sender: bytes, data: bytes, tally: _Tally) -> None:
    while True:
        _command(connection, replies, b"MAIL FROM:<%s>\r\n" % sender, b"250")
        _command(connection, replies, b"RCPT TO:<%s>\r\n" % RECIPIENT.encode(), b"250")
        _command(connection, replies, b"DATA\r\n", b"354")
        connection.sendall(data)
        sent = time.perf_counter()
        code = _reply(replies)
        if code == b"250":
            tally.latencies.append(time.perf_counter() - sent)
            return
        if not code.startswith(b"4"):
            raise DriveError(f"DATA was answered with {code.decode(errors='replace')}")
        tally.later += 1
        time.sleep(PAUSE)


def _command(connection: socket.socket, replies: BinaryIO, line: bytes, wanted: bytes) -> None:
    connection.sendall(line)
    _expect(replies, wanted)


def _expect(replies: BinaryIO, wanted: bytes) -> None:
    code = _reply(replies)
    if code != wanted:
        raise DriveError(f"the server said {code.decode(errors='replace')} instead of {wanted.decode()}")


def _reply(replies: BinaryIO) -> bytes:
    """Read one reply, however many lines it has, and give its code (RFC 5321 section 4.2.1)."""
    while True:
        line = replies.readline(4096)
        if not line:
            raise DriveError("the server closed the connection")
        if line[3:4] != b"-":
            return line[:3]
