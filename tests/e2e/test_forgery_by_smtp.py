"""Forged mail by real SMTP: what the daemon believes of it, and what the attacker hears and gets."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from running_daemon import RunningDaemon, running_daemon

from doubles.mail_relay import MailRelay, mail_relay
from schemas.numbers import subject_tag
from schemas.tokens import LETTERS

pytestmark = [pytest.mark.postgres]

ANA, EVE, DESK = "ana@customer.example", "eve@elsewhere.example", "support@desk.example"
TRUE = "mx.desk.example; dmarc=pass header.from=customer.example"
FALSE = "mx.desk.example; dmarc=fail header.from=customer.example"


@pytest.fixture(scope="module")
def relay() -> Iterator[MailRelay]:
    with mail_relay() as found:
        yield found


@pytest.fixture(scope="module")
def daemon(relay: MailRelay) -> Iterator[RunningDaemon]:
    """A daemon behind a relay of its own, whose Authentication-Results count."""
    settings = {
        "SWITCHBOARD_OUTBOUND__SMTP__HOST": "127.0.0.1",
        "SWITCHBOARD_OUTBOUND__SMTP__PORT": str(relay.port),
        "SWITCHBOARD_ACCOUNTS__SUPPORT__ADDRESSES": DESK,
        "SWITCHBOARD_SMTP__ASSESS__TRUSTED_RELAYS": "127.0.0.1",
        "SWITCHBOARD_SMTP__ASSESS__TRUSTED_AUTHSERV_IDS": "mx.desk.example",
    }
    with running_daemon(settings) as found:
        yield found


class Case:
    """Ana's ticket with our reply, and mails that come after."""

    def __init__(self, daemon: RunningDaemon, relay: MailRelay) -> None:
        self.daemon = daemon
        self.accepted = int(daemon.json("ledger")["accepted"])
        self.name = name = f"first-{self.accepted}"
        self.send(name, ANA, f"Printer {name}", results=[TRUE])
        daemon.settle(self.accepted)
        tickets = daemon.json("tickets", "list", "--requester", ANA)
        self.number = str(next(t["number"] for t in tickets if name in t["subject"]))
        self.subject = f"Printer {name}"
        before = len(relay.taken)
        daemon.cli("tickets", "reply", self.number, "--text", "Have you tried it off and on?")
        daemon.wait_until(lambda: len(relay.taken) > before, seconds=30, what="our reply")
        self.ours = relay.taken[-1].mail

    def send(self, name: str, sender: str, subject: str, *, to: str = DESK, results: list[str], **headers: str) -> None:
        mail = EmailMessage()
        for value in results:
            mail.add_header("Authentication-Results", value)
        mail["From"], mail["To"], mail["Subject"] = sender, to, subject
        mail["Message-ID"] = f"<{name}@mail.example>"
        for header, text in headers.items():
            mail[header.replace("_", "-")] = text
        mail.set_content(f"text of {name}")
        with smtplib.SMTP("127.0.0.1", self.daemon.smtp_port) as client:
            client.send_message(mail, sender, [to])
        self.accepted += 1

    def texts(self) -> list[str]:
        """What customers wrote on Ana's ticket, when everything that was sent has been routed."""
        self.daemon.settle(self.accepted)
        messages: list[dict[str, Any]] = self.daemon.json("tickets", "show", self.number)["messages"]
        return [message["text"].strip() for message in messages if message["direction"] == "in"]


def test_only_our_own_relays_topmost_word_makes_a_number_count(daemon: RunningDaemon, relay: MailRelay) -> None:
    case = Case(daemon, relay)
    begun = [f"text of {case.name}"]
    subject = f"Re: {subject_tag(case.number)} {case.subject}"
    case.send("below", ANA, subject, results=[FALSE, TRUE])
    case.send("other", ANA, subject, results=["mx.elsewhere.example; dmarc=pass header.from=customer.example"])
    case.send("missing", ANA, subject, results=[])
    case.send("comment", ANA, subject, results=["mx.desk.example; none (dmarc=pass header.from=customer.example)"])
    assert case.texts() == begun
    case.send("true", ANA, subject, results=[TRUE])
    assert case.texts() == [*begun, "text of true"]


def test_a_stranger_with_our_reply_address_is_held_and_gets_nothing(daemon: RunningDaemon, relay: MailRelay) -> None:
    case = Case(daemon, relay)
    begun, sent = [f"text of {case.name}"], len(relay.taken)
    passed = "mx.desk.example; dmarc=pass header.from=elsewhere.example"
    case.send("stolen", EVE, f"Re: {case.subject}", to=str(case.ours["Reply-To"]), results=[passed])
    case.send("by-id", EVE, f"Re: {case.subject}", results=[passed], In_Reply_To=str(case.ours["Message-ID"]))
    assert case.texts() == begun
    held = [row for row in daemon.json("spool", "list") if row["sender"] == EVE]
    assert {row["reason"] for row in held} == {"stranger"}
    daemon.cli("tickets", "reply", case.number, "--text", "Our next words.")
    daemon.wait_until(lambda: len(relay.taken) > sent, seconds=30, what="our reply")
    assert {address for mail in relay.taken[sent:] for address in mail.rcpt_to} == {ANA}


def test_a_made_up_reply_address_says_no_more_than_a_true_one(daemon: RunningDaemon, relay: MailRelay) -> None:
    """Whoever tries tokens at the door hears the same of a false one as of a true one, and joins nothing by it."""
    case = Case(daemon, relay)
    begun = [f"text of {case.name}"]
    true = str(case.ours["Reply-To"]).partition("<")[2].strip(">") or str(case.ours["Reply-To"])
    altered = true.replace(
        "+r" + true.partition("+r")[2][0], "+r" + ("b" if true.partition("+r")[2][0] != "b" else "c")
    )
    answers = []
    for recipient in (true, altered, f"support+r{'a' * LETTERS}@desk.example"):
        with smtplib.SMTP("127.0.0.1", daemon.smtp_port) as client:
            client.ehlo()
            client.mail(EVE)
            answers.append(client.rcpt(recipient))
    assert len(set(answers)) == 1
    case.send("altered", ANA, "Something else", to=altered, results=[TRUE])
    assert case.texts() == begun
