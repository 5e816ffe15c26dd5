"""What the demo's relay has taken: it keeps mails, shows them, and passes nothing on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Final

from daemon.errors import UserError
from doubles.mail_relay import MailRelay

WAIT_SECONDS: Final = 90


def wait_for(relay: MailRelay, recipient: str, *, notice: bool) -> EmailMessage:
    """Give the first notice to somebody, or the first mail of an agent. Raises `UserError` when none comes."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = [mail for mail in taken(relay) if recipient in str(mail["To"]) and is_notice(mail) is notice]
        if found:
            return found[0]
        time.sleep(0.1)
    raise UserError(f"the demo's relay got nothing for {recipient}")


def taken(relay: MailRelay) -> list[EmailMessage]:
    """Give all that it has taken."""
    return [one.mail for one in relay.taken]


def is_notice(mail: EmailMessage) -> bool:
    """Whether a machine wrote it."""
    return str(mail["Auto-Submitted"] or "no") != "no"


@contextmanager
def demo_relay(port: int) -> Iterator[MailRelay]:
    """Listen while the demo runs."""
    relay = MailRelay().start(port)
    try:
        yield relay
    finally:
        relay.stop()
