"""The demo's relay: takes what Switchboard sends, shows it, and passes nothing on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from daemon.errors import UserError

WAIT_SECONDS: Final = 30


class DemoRelay:
    """Keeps mails in the order in which they came."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail and say yes."""
        del server, session
        self.taken.append(message_from_bytes(envelope.original_content or b"", policy=default))
        return "250 taken"

    def wait_for(self, recipient: str, *, notice: bool) -> EmailMessage:
        """Give the first notice to somebody, or the first mail of an agent. Raises `UserError` when none comes."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = [mail for mail in self.taken if recipient in str(mail["To"]) and is_notice(mail) is notice]
            if found:
                return found[0]
            time.sleep(0.1)
        raise UserError(f"the demo's relay got nothing for {recipient}")


def is_notice(mail: EmailMessage) -> bool:
    """Whether a machine wrote it."""
    return str(mail["Auto-Submitted"] or "no") != "no"


@contextmanager
def demo_relay(port: int) -> Iterator[DemoRelay]:
    """Listen while the demo runs."""
    relay = DemoRelay()
    controller = Controller(relay, hostname="127.0.0.1", port=port, ready_timeout=20)
    controller.start()
    try:
        yield relay
    finally:
        controller.stop(no_assert=True)
