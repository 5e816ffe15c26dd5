"""Mails inside a mail: what a bounce returns, what somebody forwards as an attachment. Only their headers are read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.mail.addresses import Address, read_sender
from connectors.mail.fields import Head, find_body, head_start
from connectors.mail.parts import Part
from connectors.mail.thread_ids import ids_in
from connectors.mail.tokens import loop_tokens
from schemas.tokens import token_in_message_id

MESSAGES: Final = frozenset(
    {"message/rfc822", "message/global", "message/rfc822-headers", "text/rfc822-headers", "message/global-headers"}
)
"""RFC 2046 section 5.2.1, RFC 6532, and headers alone (RFC 6522 section 4)."""
_MAX_HEAD: Final = 64 * 1024
_MOST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A mail inside. `tokens` have the form of ours."""

    message_id: str
    sender: Address
    tokens: tuple[str, ...]


def embedded_mails(parts: Iterable[Part]) -> Sequence[Embedded]:
    """Read the headers of embedded mails: of the first ten, and 64 KiB of each."""
    found = [part for part in parts if part.media_type in MESSAGES][:_MOST]
    return [_read(part.content) for part in found]


def _read(content: bytes) -> Embedded:
    raw = content[:_MAX_HEAD]
    start = head_start(raw)
    head = Head(raw[start : find_body(raw, start, len(raw))])
    own = next(iter(ids_in(head.first("message-id"))), "")
    tokens = dict.fromkeys((token_in_message_id(own), *loop_tokens(head)))
    return Embedded(message_id=own, sender=read_sender(head), tokens=tuple(token for token in tokens if token))
