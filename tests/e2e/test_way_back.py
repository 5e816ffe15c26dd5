"""The way back through a running daemon: mail in, reply by command, the customer's answer on the same ticket."""

import smtplib
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from mail_relay import MailRelay, Relayed, mail_relay
from running_daemon import RunningDaemon, running_daemon

pytestmark = [pytest.mark.postgres]


@pytest.fixture(scope="module")
def relay() -> Iterator[MailRelay]:
    with mail_relay() as found:
        yield found


@pytest.fixture(scope="module")
def daemon(relay: MailRelay) -> Iterator[RunningDaemon]:
    settings = {
        "SWITCHBOARD_OUTBOUND__SMTP__HOST": "127.0.0.1",
        "SWITCHBOARD_OUTBOUND__SMTP__PORT": str(relay.port),
    }
    with running_daemon(settings) as found:
        yield found


def send(daemon: RunningDaemon, mail: EmailMessage, to: str) -> None:
    with smtplib.SMTP("127.0.0.1", daemon.smtp_port) as client:
        client.send_message(mail, mail["From"], [to])


def customers_mail(sender: str, subject: str, *, to: str = "support@desk.example", **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("I need help.")
    return mail


def opened(daemon: RunningDaemon, sender: str, message_id: str) -> dict[str, Any]:
    """Send a first mail and give the ticket that it opened."""
    send(daemon, customers_mail(sender, f"Printer of {sender}", Message_ID=message_id), "support@desk.example")

    def there() -> bool:
        return bool(daemon.json("tickets", "list", "--requester", sender))

    daemon.wait_until(there, seconds=30, what=f"a ticket of {sender}", every=0.3)
    found: dict[str, Any] = daemon.json("tickets", "list", "--requester", sender)[0]
    return found


def replied(daemon: RunningDaemon, relay: MailRelay, ticket: dict[str, Any], sender: str) -> Relayed:
    """Reply by command and give what the relay got."""
    daemon.cli("tickets", "reply", ticket["number"], "--text", "Have you tried it off and on?")
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        found = [mail for mail in relay.taken if sender in mail.rcpt_to]
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"nothing was sent: {daemon.log[-3000:]}")


def messages(daemon: RunningDaemon, number: str, count: int) -> list[dict[str, Any]]:
    """Wait for so many messages on a ticket."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = daemon.json("tickets", "show", number)["messages"]
        return len(found) >= count

    daemon.wait_until(there, seconds=30, what=f"{count} messages on {number}", every=0.3)
    return found


def test_an_answer_by_in_reply_to_alone_joins_the_ticket(daemon: RunningDaemon, relay: MailRelay) -> None:
    ticket = opened(daemon, "ana@a.example", "<a1@a.example>")
    sent = replied(daemon, relay, ticket, "ana@a.example")
    assert sent.mail["In-Reply-To"] == "<a1@a.example>"
    assert sent.mail["Subject"].startswith("Re: [#")
    answer = customers_mail(
        "ana@a.example",
        f"Re: {ticket['subject']}",
        In_Reply_To=str(sent.mail["Message-ID"]),
        Message_ID="<a2@a.example>",
    )
    send(daemon, answer, "support@desk.example")
    found = messages(daemon, ticket["number"], 3)
    assert found[2]["decision"]["rule"] in ("signed_id", "ids")


def test_an_answer_by_references_alone_joins_the_ticket(daemon: RunningDaemon, relay: MailRelay) -> None:
    ticket = opened(daemon, "cid@c.example", "<c1@c.example>")
    sent = replied(daemon, relay, ticket, "cid@c.example")
    chain = f"<c1@c.example> {sent.mail['Message-ID']}"
    subject = f"Re: {ticket['subject']}"
    answer = customers_mail("cid@c.example", subject, References=chain, Message_ID="<c2@c.example>")
    send(daemon, answer, "support@desk.example")
    found = messages(daemon, ticket["number"], 3)
    assert found[2]["decision"]["rule"] in ("signed_id", "ids")
