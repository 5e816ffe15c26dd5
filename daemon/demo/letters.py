"""A customer who writes mail; the demo's relay stands for her provider."""

import smtplib
from email.message import EmailMessage
from typing import Final

from daemon.demo.customers import Account, Heard
from daemon.demo.relay import taken
from doubles.mail_relay import MailRelay

ROSA: Final = "rosa@cliente.example"
SALES: Final = "sales@switchboard.example"


class MailCustomer:
    """Writes to an address of ours."""

    channel, account, name = "mail", "sales", "Rosa"
    state = "sent"
    words = "Where is my order 4711?"

    def __init__(self, relay: MailRelay, port: int) -> None:
        self._relay = relay
        self._port = port

    def settings(self) -> Account:
        """Give the account's settings."""
        return {"ADDRESSES": f'["{SALES}"]', "REPLY_ADDRESS": SALES}

    def is_reachable(self) -> bool:
        """Say yes: the daemon listens when it is ready."""
        return True

    def write(self, intake: str) -> None:
        """Send a mail; SMTP says 250 when it is stored."""
        del intake
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = ROSA, SALES, "Order 4711"
        mail["Message-ID"] = "<order-4711@demo.example>"
        mail.set_content(self.words)
        with smtplib.SMTP("127.0.0.1", self._port, timeout=60) as smtp:
            smtp.send_message(mail)

    def heard(self) -> Heard | None:
        """Give the answer that her provider took."""
        found = [mail for mail in taken(self._relay) if ROSA in str(mail["To"])]
        if not found:
            return None
        body = found[-1].get_body(("plain",))
        text = body.get_content() if body is not None else ""
        return Heard(text=text.partition("\n")[0].strip(), seen="mail that her provider took")
