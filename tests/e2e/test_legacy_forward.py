"""A portal that stays in use beside us: its mail goes on to it, and what it does not take comes back into the spool."""

import json
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from daemon_mail import send_over
from running_daemon import RunningDaemon, running_daemon

from doubles.mail_relay import MailRelay, mail_relay

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

PORTAL = "tickets@portal.example"
SETTINGS = {
    "SWITCHBOARD_LEGACY__PORTAL__CUTOVER_AT": "2023-12-01T00:00:00+03:00",
    "SWITCHBOARD_LEGACY__PORTAL__SUBJECT_PATTERNS": json.dumps([r"#(?P<number>\d{4,8})\b"]),
    "SWITCHBOARD_LEGACY__PORTAL__POLICY": "forward",
    "SWITCHBOARD_LEGACY__PORTAL__FORWARD_TO": PORTAL,
    "SWITCHBOARD_OUTBOUND__SMTP__HOST": "127.0.0.1",
}


@pytest.fixture(scope="module")
def relay() -> Iterator[MailRelay]:
    with mail_relay() as found:
        yield found


@pytest.fixture(scope="module")
def daemon(relay: MailRelay) -> Iterator[RunningDaemon]:
    with running_daemon({**SETTINGS, "SWITCHBOARD_OUTBOUND__SMTP__PORT": str(relay.port)}) as started:
        yield started


def mail(name: str, subject: str) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Олег <oleg@k.example>", "support@desk.example", subject
    made["Message-ID"] = f"<{name}@k.example>"
    made.set_content(f"Text of {name}\n.\nand more")
    return bytes(made)


async def sent(daemon: RunningDaemon, *mails: bytes) -> None:
    before = daemon.json("ledger")["accepted"]
    assert all(answer.answer.startswith("250") for answer in await send_over(daemon.smtp_port, mails, sessions=1))
    daemon.settle(before + len(mails))


async def test_it_goes_on_as_it_came_and_is_counted_as_noted(daemon: RunningDaemon, relay: MailRelay) -> None:
    await sent(daemon, mail("one", "Re: #4711 Макет"), mail("new", "Новый вопрос"))
    daemon.wait_until(lambda: len(relay.taken) == 1, seconds=30, what="sent on")
    (taken,) = relay.taken
    assert taken.rcpt_to == (PORTAL,)
    assert parseaddr(str(taken.mail["From"]))[1] == "oleg@k.example"
    assert (taken.mail["Message-ID"], taken.mail["Resent-To"]) == ("<one@k.example>", PORTAL)
    assert taken.mail["Resent-From"] == taken.mail_from
    assert taken.mail.get_content().rstrip().splitlines() == ["Text of one", ".", "and more"]
    ledger = daemon.json("ledger")
    assert (ledger["noted"], ledger["ticketed"], ledger["balanced"]) == (1, 1, True)


async def test_what_the_portal_does_not_take_comes_back_into_the_spool(daemon: RunningDaemon, relay: MailRelay) -> None:
    relay.answers[PORTAL] = ["550 5.1.1 no such mailbox"]
    await sent(daemon, mail("two", "Re: #4712 Макет"))
    daemon.wait_until(lambda: daemon.json("spool", "list") != [], seconds=30, what="held again", every=0.5)
    (held,) = daemon.json("spool", "list")
    assert held["reason"] == "legacy"
    shown = daemon.json("spool", "show", str(held["id"]))
    assert "It could not be sent on" in shown["explanation"]
    assert [old["number"] for old in shown["old_tickets"]] == ["4712"]
    assert daemon.json("ledger")["balanced"]
    daemon.cli("spool", "open", str(held["id"]))
    assert len(daemon.json("tickets", "list")) == 2
