"""Mail to a running daemon, replies by command, and what its relay got."""

import smtplib
import time
from email.message import EmailMessage
from typing import Any

from running_daemon import RunningDaemon

from doubles.mail_relay import MailRelay, Relayed


def through(relay: MailRelay) -> dict[str, str]:
    """Settings of a daemon that sends through this relay, and waits for no dead worker for long."""
    return {
        "SWITCHBOARD_OUTBOUND__SMTP__HOST": "127.0.0.1",
        "SWITCHBOARD_OUTBOUND__SMTP__PORT": str(relay.port),
        "SWITCHBOARD_OUTBOUND__LEASE_SECONDS": "5",
    }


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
