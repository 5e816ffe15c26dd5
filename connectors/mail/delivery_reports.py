"""What a bounce says: whom a mail did not reach, why, and which mail it was. RFC 3464, and the prose of others.

Only of mails that are classified as delivery reports. What it says is the other system's claim: the router believes it
about a message of ours alone, and only with that message's token.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.mail.addresses import parse_addresses
from connectors.mail.fields import Head, find_body
from connectors.mail.parts import Part
from connectors.mail.thread_ids import ids_in
from connectors.mail.words import clean_line

MAX_BLOCKS: Final = 20
MAX_ORIGINALS: Final = 20
MAX_HEAD: Final = 64 * 1024

_STATUS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ORIGINAL: Final = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}
)
_CODE: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY: Final = re.compile(r"\b([45])\d\d[ -]")
_QUOTED_ID: Final = re.compile(r"^[ >]{0,8}message-id:[ \t]*(<[^<>\s]{1,255}>)", re.IGNORECASE | re.MULTILINE)
_PROSE: Final = 20_000
_ACTIONS: Final = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. `action` is RFC 3464's word; `originals` are Message-IDs as written."""

    action: str
    status: str = ""
    recipient: str = ""
    diagnostic: str = ""
    originals: tuple[str, ...] = ()


def read_report(parts: Sequence[Part], text: str) -> Report:
    """Read a mail that is a delivery report; what it does not say is empty, and a failure is what it means mostly."""
    originals = tuple(dict.fromkeys(_originals(parts, text)))[:MAX_ORIGINALS]
    for part in parts:
        if part.media_type in _STATUS:
            found = _said(part.content, originals)
            if found is not None:
                return found
    return _prose(parts[0].head if parts else Head(), text, originals)


def _said(content: bytes, originals: tuple[str, ...]) -> Report | None:
    """Read the fields of the recipient that fares worst: a report may be about many, and one mail of ours about few."""
    blocks = re.split(rb"\n[ \t]*\n", content[:MAX_HEAD].replace(b"\r\n", b"\n").strip())
    heads = [head for head in map(Head, blocks[: MAX_BLOCKS + 1]) if "action" in head or "final-recipient" in head]
    found = [_about(head, originals) for head in heads]
    order = {"failed": 0, "delayed": 1}
    return min(found, key=lambda report: order.get(report.action, 2), default=None)


def _about(head: Head, originals: tuple[str, ...]) -> Report:
    action = _plain(head.first("action")).split(" ")[0].lower()
    status = _CODE.search(_plain(head.first("status")))
    recipient = head.first("original-recipient") or head.first("final-recipient")
    diagnostic = _plain(head.first("diagnostic-code"))
    return Report(
        action=action if action in _ACTIONS else "failed",
        status=status[1] if status else "",
        recipient=_address(recipient.rpartition(b";")[2]),
        diagnostic=diagnostic.partition(";")[2].strip() or diagnostic,
        originals=originals,
    )


def _prose(head: Head, text: str, originals: tuple[str, ...]) -> Report:
    """Read a report that is written for people: its code, and the recipient where a field names it."""
    sample = text[:_PROSE]
    code, reply = _CODE.search(sample), _REPLY.search(sample)
    kind = (code[1] if code else reply[1] if reply else "5")[0]
    line = next((found for found in sample.splitlines() if _CODE.search(found) or _REPLY.search(found)), "")
    return Report(
        action="delayed" if kind == "4" else "failed",
        status=code[1] if code else "",
        recipient=_address(head.first("x-failed-recipients").partition(b",")[0]),
        diagnostic=" ".join(line.split()),
        originals=originals,
    )


def _originals(parts: Iterable[Part], text: str) -> Iterator[str]:
    """Give the ids of the mail that came back: from its headers, or as somebody quoted them."""
    for part in parts:
        if part.media_type in _ORIGINAL:
            content = part.content[:MAX_HEAD].replace(b"\r\n", b"\n")
            yield from ids_in(Head(content[: find_body(content, 0, len(content))]).first("message-id"))[:1]
    yield from (match[1].strip("<>") for match in _QUOTED_ID.finditer(text[-_PROSE:]))


def _plain(value: bytes) -> str:
    return " ".join(clean_line(value.decode("utf-8", "replace")).split())


def _address(value: bytes) -> str:
    found = parse_addresses(value.strip())
    return found[0].address.lower() if found and "@" in found[0].address else ""
