"""Mails and deliveries for tests: the recorded ones under tests/connectors/mail/mails, and small ones made to order."""

from datetime import UTC, datetime
from pathlib import Path

from connectors.base import Account, Delivery

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests" / "connectors" / "mail" / "mails"
CORPUS = ROOT / "../shared/corpus"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def recorded() -> list[Path]:
    """Every recorded mail, by name."""
    return sorted(RECORDED.glob("*.eml"))


def delivery(
    raw: bytes, *, account: str = "support", mail_from: str = "ann@home.example", intake: str = "smtp"
) -> Delivery:
    """A delivery of these bytes to support@shop.example."""
    return Delivery(
        account=Account(name=account, channel="mail", scope=account),
        raw=raw,
        received_at=NOON,
        intake=intake,
        mail_from=mail_from,
        rcpt_to=("support@shop.example",),
    )


def mail(*fields: bytes, body: bytes = b"hello\r\n") -> bytes:
    """A mail with a few fields of its own, the given ones after them."""
    head = (
        b"From: Ann <ann@home.example>",
        b"To: support@shop.example",
        b"Date: Mon, 2 Mar 2026 10:00:00 +0000",
        *fields,
    )
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def multipart(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    """A multipart mail; each part is a header block, an empty line and a body."""
    body = b"".join(b"--limit\r\n" + part + b"\r\n" for part in parts) + b"--limit--\r\n"
    return mail(b"Message-ID: <m@home.example>", b"Content-Type: multipart/" + kind + b"; boundary=limit", body=body)


def nested(depth: int) -> bytes:
    """A mail of so many multiparts within each other."""
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(depth)
    )
