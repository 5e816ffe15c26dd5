"""Sends a mail on as it came, to another system that is to answer it (RFC 5322 section 3.6.6).

The mail keeps its sender, its Message-ID and its text, so that the other desk answers its author. In front stand the
Resent- fields, which say who sent it on. Every line end becomes CRLF: what did not end our DATA must not end theirs
(RFC 5321 section 2.3.8); the dots are stuffed by whoever speaks SMTP.
"""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

MAX_HOPS: Final = 50
"""Received fields of a mail that is sent on; with more it runs in circles (RFC 5321 section 6.3)."""

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_ENVELOPE_LINE: Final = re.compile(rb"\A(?:>?From [^\r\n]*(?:\r\n|\r|\n))+")
"""What an mbox puts before a mail is no field of it."""

_DROPPED: Final = re.compile(rb"(?im)^(?:Return-Path|Bcc|Delivered-To)[ \t]*:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x20\x7f]+@[^\s@<>()\[\],;:\\\"\x00-\x20\x7f]+")


class NotResentError(ValueError):
    """The mail may not be sent on; the message says why, for people."""


def resend(raw: bytes, *, sender: str, to: str, resent_id: str, at: datetime) -> bytes:
    """Give the mail as it goes on: the same bytes for the same arguments.

    `sender` is the address of ours that sends it on, `resent_id` the Resent-Message-ID without brackets. Raises
    `NotResentError` for a mail that ran in circles or was sent on by this address before.
    """
    for address in (sender, to, resent_id):
        if _ADDRESS.fullmatch(address) is None:
            raise NotResentError("an address for the Resent- fields is none")
    mail = _LINE_END.sub(b"\r\n", _ENVELOPE_LINE.sub(b"", raw))
    head, blank, body = _parted(mail)
    if len(re.findall(rb"(?im)^Received[ \t]*:", head)) > MAX_HOPS:
        raise NotResentError(f"it went through more than {MAX_HOPS} systems: it runs in circles")
    if sender.lower() in _resent_by(head):
        raise NotResentError("this desk has sent it on before: it came back")
    fields = {
        "Resent-Date": format_datetime(at.astimezone(UTC)),
        "Resent-From": sender,
        "Resent-To": to,
        "Resent-Message-ID": f"<{resent_id}>",
    }
    front = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("utf-8")
    return front + _DROPPED.sub(b"", head) + blank + body


def _parted(mail: bytes) -> tuple[bytes, bytes, bytes]:
    """Give the fields with their last line end, the empty line, and what follows."""
    if mail.startswith(b"\r\n"):
        return b"", b"\r\n", mail[2:]
    head, found, body = mail.partition(b"\r\n\r\n")
    if not found:
        return head if head.endswith(b"\r\n") else head + b"\r\n", b"\r\n", b""
    return head + b"\r\n", b"\r\n", body


def _resent_by(head: bytes) -> set[str]:
    """Give the addresses in all Resent-From fields, folded lines and all, in lower case."""
    found = re.findall(rb"(?im)^Resent-From[ \t]*:((?:[^\r\n]*\r\n)(?:[ \t][^\r\n]*\r\n)*)", head)
    return set(_ADDRESS.findall(b" ".join(found).decode("utf-8", "replace").lower()))
