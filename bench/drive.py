"""Sends mail over kept SMTP sessions as a plain client would, and measures what the server takes.

Blocking sockets, one thread a session, in processes of their own, so that the driver costs little of what it measures.
A session waits for every reply, as a client without pipelining does. A 4xx answer to DATA counts as "later": the same
mail is sent again after a moment, as an MTA would. With a rate, mails are due at even distances and none goes before.
"""

import multiprocessing
import socket
import threading
import time
from collections.abc import Mapping, Sequence
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
    """What one run measured. Times are seconds; latencies are from the end of DATA to its 250, sorted.

    `ended` has the moment of every mail's end of DATA, by its place, in seconds of `time.perf_counter`, which all
    processes of a machine share. `late` is how long the latest mail went after it was due.
    """

    sent: int
    seconds: float
    latencies: tuple[float, ...]
    later: int
    ended: Mapping[int, float] = field(default_factory=dict)
    late: float = 0.0

    @property
    def rate(self) -> float:
        """Mails a second, from the first connection to the last 250."""
        return self.sent / self.seconds

    def latency(self, share: float) -> float:
        """Give the latency that this share of the mails stayed under, in seconds."""
        return percentile(self.latencies, share)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Give the first of ordered values that this share of them lies under."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(kw_only=True)
class _Tally:
    latencies: list[float] = field(default_factory=list)
    ended: dict[int, float] = field(default_factory=dict)
    late: float = 0.0
    later: int = 0
    errors: list[str] = field(default_factory=list)


Parcel = tuple[bytes, bytes]
"""Sender and the bytes of DATA, prepared before the clock starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """What one session sends: every n-th mail, when it is due; without a rate at once."""

    parcels: Sequence[Parcel]
    port: int
    number: int
    sessions: int
    began: float
    rate: float


def drive(mails: Sequence[Mail], *, port: int, sessions: int = 10, processes: int = 2, rate: float = 0.0) -> Driven:
    """Send all mails to a port of this machine. Mail n goes over session n modulo sessions, so order is nearly kept.

    `rate` is mails a second; 0: as fast as it goes.
    """
    parcels = [(mail.sender.encode(), on_the_wire(mail.raw)) for mail in mails]
    context = multiprocessing.get_context("fork")
    tallies: SimpleQueue[_Tally] = context.SimpleQueue()
    numbers = [range(first, sessions, processes) for first in range(min(processes, sessions))]
    began = time.perf_counter()
    shares = [
        [
            _Share(parcels=parcels[n::sessions], port=port, number=n, sessions=sessions, began=began, rate=rate)
            for n in group
        ]
        for group in numbers
    ]
    workers = [context.Process(target=_work, args=(share, tallies)) for share in shares]
    for worker in workers:
        worker.start()
    found = [tallies.get() for _ in workers]
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    whole = _together(found)
    if whole.errors:
        raise DriveError(whole.errors[0])
    latencies = tuple(sorted(whole.latencies))
    return Driven(
        sent=len(latencies), seconds=seconds, latencies=latencies, later=whole.later, ended=whole.ended, late=whole.late
    )


def _work(shares: Sequence[_Share], tallies: "SimpleQueue[_Tally]") -> None:
    found = [_Tally() for _ in shares]
    threads = [
        threading.Thread(target=_session, args=(share, tally)) for share, tally in zip(shares, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tallies.put(_together(found))


def _together(tallies: Sequence[_Tally]) -> _Tally:
    return _Tally(
        latencies=[latency for tally in tallies for latency in tally.latencies],
        ended={number: at for tally in tallies for number, at in tally.ended.items()},
        late=max((tally.late for tally in tallies), default=0.0),
        later=sum(tally.later for tally in tallies),
        errors=[error for tally in tallies for error in tally.errors],
    )


def _session(share: _Share, tally: _Tally) -> None:
    try:
        with socket.create_connection(("127.0.0.1", share.port), timeout=PATIENCE) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection.makefile("rb") as replies:
                _expect(replies, b"220")
                _command(connection, replies, b"EHLO bench.example\r\n", b"250")
                for place, (sender, data) in enumerate(share.parcels):
                    number = share.number + place * share.sessions
                    if share.rate:
                        tally.late = max(tally.late, _wait_until(share.began + number / share.rate))
                    tally.ended[number] = _deliver(connection, replies, sender, data, tally)
                _command(connection, replies, b"QUIT\r\n", b"221")
    except (OSError, DriveError) as error:
        tally.errors.append(f"{type(error).__name__}: {error}")


def _wait_until(due: float) -> float:
    """Wait, and say by how much it is too late already."""
    left = due - time.perf_counter()
    if left > 0:
        time.sleep(left)
    return max(0.0, -left)


def _deliver(connection: socket.socket, replies: BinaryIO, sender: bytes, data: bytes, tally: _Tally) -> float:
    """Send one mail until it is taken, and give the end of its DATA."""
    while True:
        _command(connection, replies, b"MAIL FROM:<%s>\r\n" % sender, b"250")
        _command(connection, replies, b"RCPT TO:<%s>\r\n" % RECIPIENT.encode(), b"250")
        _command(connection, replies, b"DATA\r\n", b"354")
        connection.sendall(data)
        sent = time.perf_counter()
        code = _reply(replies)
        if code == b"250":
            tally.latencies.append(time.perf_counter() - sent)
            return sent
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
