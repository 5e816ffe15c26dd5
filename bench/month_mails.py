"""Bytes of the simulated month's mails: what each program writes into the headers that threading looks at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from random import Random
from typing import Any, Final

from bench.month_people import DESK, OLD_DESK, Client, Customer, Ours, Talk

CRLF: Final = "\r\n"
QUOTES: Final = {
    Client.OUTLOOK: "-----Original Message-----",
    Client.EXCHANGE: "________________________________",
    Client.WEBMAIL: "----- Original message -----",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A mail before it is bytes. `headers` are further lines."""

    sender: str
    to: str
    subject: str
    message_id: str
    at: datetime
    text: str
    in_reply_to: str = ""
    references: Sequence[str] = ()
    cc: Sequence[str] = ()
    headers: Sequence[str] = ()
    content_type: str = 'text/plain; charset="utf-8"'

    def bytes(self) -> bytes:
        """Write it, with CRLF."""
        lines = [
            f"Received: from mx.example ([192.0.2.1]) by relay.example; {format_datetime(self.at)}",
            f"Date: {format_datetime(self.at)}",
            f"From: {self.sender}",
            f"To: {self.to}",
            *([f"Cc: {', '.join(self.cc)}"] if self.cc else []),
            f"Subject: {encoded(self.subject)}",
            *([f"Message-ID: <{self.message_id}>"] if self.message_id else []),
            *([f"In-Reply-To: <{self.in_reply_to}>"] if self.in_reply_to else []),
            *([f"References: {f'{CRLF} '.join(f'<{one}>' for one in self.references)}"] if self.references else []),
            *self.headers,
            "MIME-Version: 1.0",
            f"Content-Type: {self.content_type}",
            "Content-Transfer-Encoding: 8bit",
        ]
        return (CRLF.join(lines) + CRLF * 2 + self.text.replace("\n", CRLF) + CRLF).encode()


def encoded(subject: str) -> str:
    """Give a subject as it stands in a header."""
    return subject if subject.isascii() else Header(subject, "utf-8").encode(linesep=CRLF)


def new_id(customer: Customer, random: Random) -> str:
    """Make a Message-ID as the customer's program does."""
    token = f"{random.getrandbits(96):024x}"
    forms = {
        Client.GMAIL: f"CA{token}@mail.gmail.example",
        Client.EXCHANGE: f"{token}@PROD{token[:4]}.outlook.example",
        Client.APPLE: f"{token.upper()}@{customer.domain}",
        Client.WEBMAIL: f"{token[:10]}.{token[10:]}@f{token[:2]}.i.mail-ru.example",
    }
    return forms.get(customer.client, f"{token}@{customer.domain}")


def answers(talk: Talk, ours: Ours, random: Random) -> tuple[str, list[str], bool]:
    """Give In-Reply-To and References of an answer to a mail of ours, and whether they name it or the thread."""
    chain = [*talk.ids[-4:], ours.wire_id]
    client = talk.customer.client
    if client is Client.APPLE and random.random() < 0.5:
        return ours.wire_id, [f"{random.getrandbits(64):x}@apple.example", *talk.ids[:1]], True
    if client is Client.MOBILE:
        return ours.wire_id, [], True
    if client is Client.WEBMAIL:
        return ours.wire_id, [ours.wire_id], True
    if client is Client.EXCHANGE and random.random() < 0.15:  # a transport rule leaves its own ids alone
        return "", chain[:-1], bool(chain[:-1])
    if client is Client.POOR:
        return "", [], False
    return ours.wire_id, chain, client is not Client.REWRITTEN or bool(talk.ids)


def thread_lines(customer: Customer, random: Random) -> list[str]:
    """Give what a program writes beside."""
    if customer.client in (Client.OUTLOOK, Client.EXCHANGE):
        return ["X-Mailer: Microsoft Outlook 16.0", f"Thread-Index: Ad{random.getrandbits(80):x}=="]
    return []


def body(customer: Customer, random: Random, quoted: str = "") -> str:
    """Write a text, and under it what is quoted."""
    lines = [
        f"Hello, it is about {random.getrandbits(32):x}.",
        "Please look at it soon.",
        "",
        "Regards",
        customer.address,
    ]
    if quoted:
        mark = QUOTES.get(customer.client, f"On Monday, {DESK} wrote:")
        lines += ["", mark, f"> {quoted}", "> Please try again, and tell us what you see."]
    return "\n".join(lines)


def bounce(talk: Talk, ours: Ours, at: datetime, random: Random) -> Draft:
    """Make a bounce of a mail of ours in one of several dialects."""
    dialect = random.randrange(4)
    recipient = talk.customer.address
    token = ours.reply_address
    copy = [
        f"From: {DESK}", f"To: {recipient}", f"Reply-To: {token}", f"Subject: {encoded(ours.subject)}",
        f"Message-ID: <{ours.shown}>", f"X-Loop: {ours.shown.partition('@')[0]}",
    ]  # fmt: skip
    prose = (
        f"Hi. This is the qmail-send program at mx.example.\nI wasn't able to deliver your message to\n"
        f"the following addresses.\n\n<{recipient}>:\n550 5.1.1 no such user\n\n--- Below this line is a copy of the "
        "message.\n\n" + "\n".join(copy) if dialect == 0
        else f"A message that you sent could not be delivered to one or more of its recipients.\n\n  {recipient}\n"
        "    host mx.example: 550 5.1.1 user unknown\n\n------ This is a copy of the message, including all the "
        "headers. ------\n\n" + "\n".join(copy)
    )  # fmt: skip
    common: dict[str, Any] = {
        "sender": f"Mail Delivery System <MAILER-DAEMON@mx.{talk.customer.domain}>",
        "to": token,
        "at": at,
    }
    own = f"{random.getrandbits(64):x}@mx.{talk.customer.domain}"
    if dialect < 2:
        lines = [f"X-Failed-Recipients: {recipient}", "Auto-Submitted: auto-replied"] if dialect == 1 else []
        subject = "failure notice" if dialect == 0 else "Mail delivery failed: returning message to sender"
        return Draft(subject=subject, message_id=own, text=prose, headers=lines, **common)
    border = f"=_{random.getrandbits(64):x}"
    last = "message/rfc822" if dialect == 2 else "text/rfc822-headers"
    status = (
        f"Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no user\n"
    )
    parts = [
        "Content-Type: text/plain\n\nThe mail system could not deliver it.\n",
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{status}",
        f"Content-Type: {last}\n\n" + "\n".join(copy) + "\n\nHello\n",
    ]
    text = "".join(f"--{border}\n{part}\n" for part in parts) + f"--{border}--"
    kind = f'multipart/report; report-type=delivery-status; boundary="{border}"'
    return Draft(subject="Undelivered Mail Returned to Sender", message_id=own, text=text, content_type=kind, **common)


def old_id(random: Random) -> str:
    """Give a Message-ID of the old desk."""
    return f"ticket.{random.randrange(10**6)}.{random.getrandbits(40):x}@{OLD_DESK}"
