"""The driver sends every mail whole, tries again when told "later", and says when the server says no."""

import email
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from bench.drive import DriveError, Driven, drive
from bench.mails import Mail, Mix
from bench.sink import running_sink
from doubles.ports import free_port

MAILS = list(Mix(count=24))


class Keeper:
    """Keeps every mail; answers the first `refusals` with the code given."""

    def __init__(self, *, refusals: int = 0, code: str = "451") -> None:
        self.kept: list[bytes] = []
        self._refusals = refusals
        self._code = code

    async def handle_DATA(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del server, session
        if self._refusals:
            self._refusals -= 1
            return f"{self._code} not now"
        assert isinstance(envelope.content, bytes)
        self.kept.append(envelope.content)
        return "250 OK"


@contextmanager
def keeping(keeper: Keeper) -> Iterator[int]:
    controller = Controller(keeper, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def hang_up(server: socket.socket) -> None:
    server.accept()[0].close()


def sorted_bytes(mails: list[Mail]) -> list[bytes]:
    return sorted(mail.raw for mail in mails)


def test_every_mail_arrives_once_and_byte_for_byte() -> None:
    keeper = Keeper()
    with keeping(keeper) as port:
        driven = drive(MAILS, port=port, sessions=5, processes=2)
    assert sorted(keeper.kept) == sorted_bytes(MAILS)
    assert (driven.sent, driven.later, len(driven.latencies)) == (len(MAILS), 0, len(MAILS))


def test_a_mail_that_is_told_later_is_sent_again() -> None:
    keeper = Keeper(refusals=3)
    with keeping(keeper) as port:
        driven = drive(MAILS, port=port, sessions=2, processes=1)
    assert sorted(keeper.kept) == sorted_bytes(MAILS)
    assert driven.later == 3


def test_a_mail_that_is_refused_for_ever_ends_the_run() -> None:
    with keeping(Keeper(refusals=1, code="554")) as port, pytest.raises(DriveError, match="554"):
        drive(MAILS[:2], port=port, sessions=1, processes=1)


def test_a_server_that_is_not_there_ends_the_run() -> None:
    with pytest.raises(DriveError, match="refused"):
        drive(MAILS[:1], port=free_port(), sessions=1, processes=1)


def test_a_server_that_hangs_up_ends_the_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, args=(server,)).start()
        with pytest.raises(DriveError, match=r"closed|reset"):
            drive(MAILS[:1], port=server.getsockname()[1], sessions=1, processes=1)


def test_the_sink_takes_mail_and_ends_with_its_owner() -> None:
    with running_sink() as port:
        assert drive(MAILS, port=port, sessions=3, processes=1).sent == len(MAILS)
    with pytest.raises(DriveError):
        drive(MAILS[:1], port=port, sessions=1, processes=1)


def test_latencies_are_read_at_a_share_of_the_mails() -> None:
    driven = Driven(sent=4, seconds=2.0, latencies=(1.0, 2.0, 3.0, 4.0), later=0)
    assert (driven.rate, driven.latency(0.0), driven.latency(0.5), driven.latency(1.0)) == (2.0, 1.0, 3.0, 4.0)


def test_the_mails_are_what_their_parser_says() -> None:
    assert {email.message_from_bytes(mail.raw)["Message-ID"] for mail in MAILS} == {mail.message_id for mail in MAILS}


def test_with_a_rate_no_mail_goes_before_it_is_due() -> None:
    with keeping(Keeper()) as port:
        before = time.perf_counter()
        driven = drive(MAILS[:8], port=port, sessions=4, processes=2, rate=40)
    assert all(driven.ended[number] - before >= number / 40 for number in range(8))
    assert driven.seconds >= 7 / 40


def test_every_mail_has_the_moment_of_its_end_of_data() -> None:
    with keeping(Keeper()) as port:
        assert set(drive(MAILS, port=port, sessions=5, processes=2).ended) == set(range(len(MAILS)))
