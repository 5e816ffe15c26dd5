"""What in a message speaks of an old desk's ticket: numbers in ids and subject, the desk's domains, its addresses.

All of it can be written by anybody: it only says which old ticket is meant. Ids that an import named are looked up in
the store, and come before these.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from router.legacy_desk import LegacyDesk
from schemas.legacy import OldKey
from schemas.message import InboundMessage, SubjectPrefix
from schemas.tokens import token_in_message_id

MOST: Final = 8
"""Marks of one message that are looked at, the strongest ones."""

MAX_SHOWN: Final = 255
"""Characters of an id that a message keeps for display; what has as many may be cut."""


class By(StrEnum):
    """How an old ticket is known, the strongest first."""

    IMPORTED = "a Message-ID of its export"
    ID = "the number in a Message-ID of the old desk"
    SUBJECT = "the number in the subject"
    DOMAIN = "a Message-ID of the old desk"
    ADDRESS = "an address of the old desk"


class Mark(NamedTuple):
    """An old desk that a message speaks of, and the ticket there; `number` is empty when only the desk is known."""

    desk: LegacyDesk
    number: str
    by: By

    @property
    def key(self) -> OldKey:
        """Give the old ticket's desk and number."""
        return self.desk.name, self.number

    @property
    def shown(self) -> str:
        """Give it for people and as evidence: `NAME NUMBER`."""
        return f"{self.desk.name} {self.number}".strip()


def marks_of(message: InboundMessage, desks: Iterable[LegacyDesk]) -> tuple[Mark, ...]:
    """Give what a message says of these desks, the strongest first; a desk alone only if no ticket of it is named."""
    found: dict[OldKey, Mark] = {}
    for mark in sorted(_all(message, desks), key=lambda mark: _STRENGTH[mark.by]):
        if mark.number or all(mark.desk.name != desk for desk, _ in found):
            found.setdefault(mark.key, mark)
    return tuple(found.values())[:MOST]


_STRENGTH: Final = {by: place for place, by in enumerate(By)}


def _all(message: InboundMessage, desks: Iterable[LegacyDesk]) -> Iterator[Mark]:
    thread = message.thread
    quoted = [one.shown for one in thread.quoted()]
    for desk in desks:
        for written in quoted:
            if has_domain(desk, written):
                yield from (Mark(desk, number, By.ID) for number in numbers_in_id(desk, written))
                yield Mark(desk, "", By.DOMAIN)
        if thread.own is not None and has_domain(desk, thread.own.shown):
            yield Mark(desk, "", By.DOMAIN)
        yield from (Mark(desk, number, By.SUBJECT) for number in numbers_in_subject(desk, message.subject))
        if _is_addressed(message, desk):
            yield Mark(desk, "", By.ADDRESS)


def has_domain(desk: LegacyDesk, written: str) -> bool:
    """Say whether a Message-ID, as written, ends with a domain of the desk's ids. One of our form is ours."""
    if not desk.id_domains or len(written) >= MAX_SHOWN or token_in_message_id(written):
        return False
    return written.strip().strip("<>").rpartition("@")[2].lower() in desk.id_domains


def numbers_in_id(desk: LegacyDesk, written: str) -> Iterator[str]:
    """Give the old numbers in a Message-ID of the desk."""
    bare = written.strip().strip("<>")
    return (number for pattern in desk.id_patterns for number in pattern.numbers(bare))


def numbers_in_subject(desk: LegacyDesk, subject: str) -> Iterator[str]:
    """Give the old numbers in a subject."""
    return (number for pattern in desk.subject_patterns for number in pattern.numbers(subject))


def _is_addressed(message: InboundMessage, desk: LegacyDesk) -> bool:
    """Say whether the desk itself wrote, or whether it was to read an answer, or anything while it was in charge.

    A new request to an old address is a new request: the addresses go on working, here.
    """
    if not desk.addresses:
        return False
    if desk.is_its_own(message.sender.address):
        return True
    people = (*(party.address for party in (*message.to, *message.cc)), *message.envelope.rcpt_to)
    if not any(map(desk.is_its_own, (*people, message.envelope.mail_from))):
        return False
    answers = message.thread.subject_prefix is SubjectPrefix.REPLY or bool(message.thread.quoted())
    return answers or desk.in_charge(message.received_at)
