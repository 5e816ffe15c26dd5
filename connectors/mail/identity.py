"""What makes two mails the same delivery (docs/architecture.md, "Identity of a delivery").

Computed from raw octets alone: no parser, so that a parser's fix changes no key. Trace headers, line ends, folding and
trailing blank lines do not count, so that a mail has one key over SMTP and IMAP, over retries and imports. What stands
in the header block and is no field counts as content: a text that was sent without any header is still a text.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from connectors.mail.fields import Head, find_body, head_start, not_fields

KEY_VERSION: Final = b"mail/1"
FINGERPRINT_VERSION: Final = b"mail-fingerprint/1"
_CHUNK: Final = 1024 * 1024
_MAX_HEAD: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`fingerprint` is absent without a Message-ID: then nothing can be a copy or a reused id."""

    delivery_key: str
    fingerprint: str | None


def identify(raw: bytes, account: str) -> Identity:
    """Give key and fingerprint of a mail for an account. Any bytes will do."""
    start = head_start(raw)
    body = find_body(raw, start, len(raw))
    head_end = min(body, start + _MAX_HEAD)
    block = raw[start:head_end]
    head = Head(block)
    own = _field(head, "message-id")
    sender, date = _field(head, "from"), _field(head, "date")
    name = (b"id", own) if own else (b"subject", _field(head, "subject"))
    content = [body_digest(raw, head_end)]
    if prose := not_fields(block, head):  # without a blank line the text stands here, and must tell two mails apart
        content.append(prose)
    key = _digest(KEY_VERSION, account.encode(), *name, sender, date, *content)
    fingerprint = _digest(FINGERPRINT_VERSION, own, sender, date) if own else None
    return Identity(delivery_key=key, fingerprint=fingerprint)


def body_digest(raw: bytes, start: int) -> bytes:
    """Digest the octets from `start` on, with CRLF line ends, without trailing blank lines. Nothing large is copied."""
    end = _text_end(raw, start)
    digest = hashlib.sha256()
    for chunk in _crlf_chunks(raw, start, end):
        digest.update(chunk)
    return digest.digest()


def _field(head: Head, name: str) -> bytes:
    return b" ".join(head.first(name).split())


def _digest(*fields: bytes) -> str:
    """Digest fields with their lengths before them, so that no two lists of fields read the same."""
    digest = hashlib.sha256()
    for value in fields:
        digest.update(len(value).to_bytes(8, "big"))
        digest.update(value)
    return digest.hexdigest()


def _text_end(raw: bytes, start: int) -> int:
    """Find the end of the last line that is not blank."""
    end = len(raw)
    while end > start:
        low = max(start, end - _CHUNK)
        kept = len(raw[low:end].rstrip(b" \t\r\n"))
        if kept:
            return _line_end(raw, low + kept, len(raw))
        end = low
    return start


def _line_end(raw: bytes, position: int, size: int) -> int:
    """Keep blanks at the end of the last line: they are its own."""
    found = raw.find(b"\n", position)
    end = size if found < 0 else found
    return end - 1 if found >= 0 and raw[end - 1 : end] == b"\r" and end - 1 >= position else end


def _crlf_chunks(raw: bytes, start: int, end: int) -> Iterator[bytes | memoryview]:
    lines = raw.count(b"\n", start, end)
    if lines == raw.count(b"\r\n", start, end):
        yield memoryview(raw)[start:end]
        return
    for low in range(start, end, _CHUNK):
        chunk = raw[low : min(end, low + _CHUNK)]
        if chunk.startswith(b"\n") and low > start and raw[low - 1 : low] == b"\r":
            chunk = chunk[1:]
        if chunk.endswith(b"\r") and raw[low + len(chunk) : low + len(chunk) + 1] == b"\n" and low + len(chunk) < end:
            chunk += b"\n"
        yield chunk.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
