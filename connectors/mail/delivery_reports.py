"""What a bounce says, and of which mail: RFC 3464 where it is kept to, else what its prose tells for certain.

A report about several recipients gives the first one that failed, then the others that it names. A recipient is named
only where the report says so, or where its prose names one address alone: to mark the wrong one would be worse than to
mark none.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.mail.embedded import Embedded
from connectors.mail.fields import Head
from connectors.mail.parts import Part
from connectors.mail.thread_ids import thread_id
from connectors.mail.words import clean_line, decode_value
from schemas.message import Action, DeliveryReport, OtherRecipient

_STATUS_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_BLANK_LINE: Final = re.compile(rb"\r?\n[ \t]*\r?\n")
_STATUS: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY: Final = re.compile(r"^[^\n]{0,200}\b[45]\d\d[ -][^\n]{3,300}$", re.MULTILINE)
_MESSAGE_ID: Final = re.compile(r"^[>|\s]{0,6}message-id:\s*<([^<>\s]{3,250})>", re.IGNORECASE | re.MULTILINE)
_RETURNED: Final = re.compile(
    r"^[- >*]{0,12}(?:below this line is a copy|this is a copy of|original message|returned message|the header of the "
    r"original|message headers? follow|unsent message|included is a copy|copy of the message|the following is a copy|"
    r"исходное сообщение|mensagem original|received: |return-path: )",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_DAEMON: Final = re.compile(r"^(?:mailer-?daemon|postmaster|mail-?daemon|sb\.[a-z2-7]{40})$", re.IGNORECASE)
_DELAYED: Final = re.compile(
    r"delay|will be retried|not yet been delivered|will keep trying|still (?:being )?tr(?:ied|ying)|"
    r"could not send message for|отложен|задерж|atrasad|verzögert",
    re.IGNORECASE,
)
_SAMPLE: Final = 8000
_SCANNED: Final = 256 * 1024
_ORIGINALS: Final = 20
_OTHERS: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What a report is read from. `ours` are addresses that it was sent to: nobody reports about those."""

    head: Head
    subject: str
    text: str
    parts: Sequence[Part]
    inside: Sequence[Embedded]
    ours: frozenset[str]


def read_report(bounce: Bounce) -> DeliveryReport:
    """Read what can be read; an empty recipient or status says that the report does not tell."""
    people = _people(bounce.parts)
    group = people[0] if people else Head()
    text = bounce.text[:_SCANNED]
    status = _status(group, text)
    recipient = _recipient(bounce, group, text)[:998].lower()
    return DeliveryReport(
        action=_action(group, f"{bounce.subject}\n{text[:_SAMPLE]}", status),
        status=status,
        recipient=recipient,
        diagnostic=_diagnostic(group, text),
        originals=tuple(thread_id(found) for found in _originals(bounce.inside, text)),
        others=tuple(_others(people[1:], recipient)),
    )


def _others(people: Sequence[Head], first: str) -> Iterator[OtherRecipient]:
    """Give those whom a report names beside the first one, each once; what names nobody says nothing about anybody."""
    seen = {first}
    for group in people:
        named, action = _written_recipient(group)[:998].lower(), _written_action(group)
        if not named or named in seen or action not in set(Action):
            continue
        seen.add(named)
        yield OtherRecipient(
            action=Action(action), status=_status(group, ""), recipient=named, diagnostic=_diagnostic(group, "")
        )
        if len(seen) > _OTHERS:
            return


def _people(parts: Sequence[Part]) -> list[Head]:
    """Give the fields of each recipient (RFC 3464 section 2.3), the first one that failed before the others."""
    status = next((part.content for part in parts if part.media_type in _STATUS_TYPES), b"")
    groups = [Head(block.strip(b"\r\n") + b"\n") for block in _BLANK_LINE.split(status[:_SCANNED])]
    people = [group for group in groups if "action" in group or "final-recipient" in group]
    first = next((place for place, group in enumerate(people) if _written_action(group) == Action.FAILED), 0)
    return [*people[first : first + 1], *people[:first], *people[first + 1 :]]


def _written_action(group: Head) -> str:
    return group.first("action").split(b"(")[0].strip().lower().decode("ascii", "replace")


def _action(group: Head, prose: str, status: str) -> Action:
    written = _written_action(group)
    if written in set(Action):
        return Action(written)
    return Action.DELAYED if _DELAYED.search(prose) and not status.startswith("5") else Action.FAILED


def _status(group: Head, text: str) -> str:
    written = _STATUS.search(group.first("status").decode("ascii", "replace"))
    found = written or _STATUS.search(text[:_SAMPLE])
    return found[1] if found else ""


def _recipient(bounce: Bounce, group: Head, text: str) -> str:
    written = _written_recipient(group)
    if written:
        return written
    failed = [word.strip("<>,; ") for word in decode_value(bounce.head.first("x-failed-recipients")).split(",")]
    named = [word for word in failed if "@" in word]
    return named[0] if named else _only_one(bounce, text)


def _written_recipient(group: Head) -> str:
    """Give the address that we wrote to: the original one before the one to which somebody forwards."""
    for name in ("original-recipient", "final-recipient"):
        kind, _, address = decode_value(group.first(name)).partition(";")
        if "@" in address and kind.strip().lower() in {"rfc822", "utf-8"}:
            return address.strip().strip("<>")
    return ""


def _only_one(bounce: Bounce, text: str) -> str:
    """Give the one address that the prose names before the returned mail, if it names one alone."""
    end = _RETURNED.search(text)
    prose = text[: min(end.start() if end else _SAMPLE, _SAMPLE)]
    found = {address.strip(".").lower() for address in _ADDRESS.findall(prose)}
    people = {one for one in found if not _DAEMON.match(one.partition("@")[0])} - bounce.ours
    return people.pop() if len(people) == 1 else ""


def _diagnostic(group: Head, text: str) -> str:
    written = decode_value(group.first("diagnostic-code"))
    if written:
        return clean_line(written.partition(";")[2] or written)[:998]
    line = _REPLY.search(text[:_SAMPLE])
    return clean_line(line[0])[:998] if line else ""


def _originals(inside: Sequence[Embedded], text: str) -> list[str]:
    """Give the ids of the mail that came back: of the part that holds it, else where its header stands in the text."""
    found = [mail.message_id for mail in inside if mail.message_id]
    return list(dict.fromkeys(found or _in_text(text)))[:_ORIGINALS]


def _in_text(text: str) -> Iterator[str]:
    return (match[1] for match in _MESSAGE_ID.finditer(text))
