"""Which tickets might a held message belong to? A ranking for the person who decides; it places nothing.

What a message says are clues; the store leads each to tickets; every kind of clue that leads to the same ticket adds
its weight once, the nearest counts. Signed tokens and our own ids weigh more than what only the sender has in common
with a ticket, and that more than words anybody may write.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import md5
from typing import Final, Protocol

from router.incoming import NAMED_IDS, NAMED_PARTIES, Incoming, receive
from router.keys import Keyring
from router.policy import Policies
from router.stored import message_of
from schemas.numbers import is_valid
from schemas.numbers import parse as parse_number
from schemas.placement import Suggestion
from schemas.routing_rows import HeldMessageRow
from schemas.suggestion_rows import Clue, ClueKind, ProposedRow

SHOWN: Final = 8
"""Suggestions given for one message."""

WEIGHTS: Final[Mapping[str, tuple[int, str]]] = {
    "token": (120, "it carries this ticket's signed token"),
    "known": (100, "its ids name a message of this ticket"),
    "old_number": (90, "the old desk's ticket goes on here"),
    "follows": (70, "this ticket follows the one that it names"),
    "quoted": (60, "it quotes an id that a message of this ticket quotes"),
    "number": (50, "it names this ticket's number"),
    "sender": (40, "its sender takes part"),
    "subject": (15, "the subject is the same"),
    "named": (12, "somebody in To or Cc takes part"),
}
"""What each kind of clue weighs, and what it says. A kind's further places weigh a little less."""

REQUESTER: Final = 10
SAME_SUBJECT_OF_SENDER: Final = 35
SAME_DOMAIN: Final = 12
OPEN: Final = 6
FRESH: Final = 9
"""Most that a recent ticket has before an old one: it loses one for every three days without a message."""
NEAR: Final = 8
"""Most that a near id has before a far one."""
_FRESH_STEP: Final = timedelta(days=3)
_SCANNED: Final = 20_000
_NUMBERS: Final = 5
_NUMBER: Final = re.compile(r"(?<![\d-])\d{3}[- ]?\d{3}[- ]?\d{4}(?![\d-])")


class SuggestionStore(Protocol):
    """What suggestions need of the store."""

    async def held(self, message_ids: Collection[int]) -> Sequence[HeldMessageRow]:
        """Give those of these messages that are held."""
        ...

    async def proposed(self, clues: Sequence[Clue]) -> Sequence[ProposedRow]:
        """Give the tickets to which clues lead."""
        ...


class Suggester:
    """Suggests for held messages as things stand now. Two statements for up to 500 of them."""

    def __init__(self, *, store: SuggestionStore, policies: Policies, keyring: Keyring) -> None:
        self._store = store
        self._policies = policies
        self._keyring = keyring

    async def suggest(self, message_ids: Collection[int]) -> Mapping[int, tuple[Suggestion, ...]]:
        """Give the likeliest tickets of each message that is held, the likeliest first, at most eight."""
        rows = await self._store.held(message_ids) if message_ids else ()
        signer = await self._keyring.signer()
        messages = [receive(message_of(r), message_id=r.id, policies=self._policies, signer=signer) for r in rows]
        clues = [clue for message in messages for clue in clues_of(message)]
        found: dict[int, list[ProposedRow]] = {}
        for row in await self._store.proposed(clues) if clues else ():
            found.setdefault(row.held_id, []).append(row)
        return {message.id: ranked(message, found.get(message.id, ())) for message in messages}


def clues_of(message: Incoming) -> Iterator[Clue]:
    """Give what a held message says that may lead to a ticket."""
    scope = message.message.scope
    for place, token in enumerate(message.tokens.ours):
        yield Clue(message.id, ClueKind.TOKEN, place, scope, number=token.claim.message_id)
    for place, quote in enumerate(message.quoted[: 2 * NAMED_IDS]):
        yield Clue(message.id, ClueKind.ID, place, scope, key=quote.key[1])
    for place, number in enumerate(_numbers(message)):
        yield Clue(message.id, ClueKind.NUMBER, place, scope, text=number)
    for place, mark in enumerate(mark for mark in message.marks if mark.number):
        yield Clue(message.id, ClueKind.OLD_NUMBER, place, scope, key=mark.number.encode(), text=mark.desk.name)
    if not message.anonymous:
        yield Clue(message.id, ClueKind.SENDER, 0, scope, key=message.sender)
    for place, member in enumerate(message.members[:NAMED_PARTIES]):
        yield Clue(message.id, ClueKind.NAMED, place, scope, key=member.key)
    base = message.message.thread.subject_base
    if base.strip():
        yield Clue(message.id, ClueKind.SUBJECT, 0, scope, text=md5(base.encode(), usedforsecurity=False).hexdigest())


def _numbers(message: Incoming) -> list[str]:
    """Give ticket numbers that it names, in subject or text, with a right check digit."""
    written = f"{message.message.subject}\n{message.message.text.content[:_SCANNED]}"
    valid = (parse_number(found) for found in _NUMBER.findall(written) if is_valid(found))
    return list(dict.fromkeys((*message.tags, *valid)))[:_NUMBERS]


def ranked(message: Incoming, rows: Iterable[ProposedRow]) -> tuple[Suggestion, ...]:
    """Order tickets by what speaks for each: the same rows always in the same order."""
    tickets: dict[str, list[ProposedRow]] = {}
    for row in rows:
        tickets.setdefault(row.number, []).append(row)
    scored = [(_score(message, found), found) for found in tickets.values()]
    scored.sort(key=lambda pair: (-pair[0], -pair[1][0].last_message_at.timestamp(), pair[1][0].number))
    return tuple(
        Suggestion(ticket=found[0].number, why=_why(message, found), score=score) for score, found in scored[:SHOWN]
    )


def _score(message: Incoming, rows: Sequence[ProposedRow]) -> int:
    ticket, kinds = rows[0], {row.kind for row in rows}
    score = sum(WEIGHTS[row.kind][0] for row in rows)
    nearest = min((row.place for row in rows if row.kind in ("token", "known", "quoted", "follows")), default=None)
    score += max(0, NEAR - nearest) if nearest is not None else 0
    if "sender" in kinds and ticket.requester_key == message.sender:
        score += REQUESTER
    if "sender" in kinds and _same_subject(message, ticket):
        score += SAME_SUBJECT_OF_SENDER
    elif _domain(ticket.requester_address) == _domain(message.message.sender.address):
        score += SAME_DOMAIN
    return score + (OPEN if ticket.is_open else 0) + _freshness(ticket, message.message.received_at)


def _freshness(ticket: ProposedRow, received_at: datetime) -> int:
    """Prefer what was talked about lately; a ticket opened after the message came is less likely its own."""
    if ticket.created_at > received_at:
        return 0
    age = max(timedelta(0), received_at - ticket.last_message_at)
    return max(0, FRESH - age // _FRESH_STEP)


def _same_subject(message: Incoming, ticket: ProposedRow) -> bool:
    base = message.message.thread.subject_base.strip()
    return bool(base) and base == ticket.subject_base.strip()


def _domain(address: str) -> str:
    return address.strip().lower().rpartition("@")[2]


def _why(message: Incoming, rows: Sequence[ProposedRow]) -> str:
    """Say what speaks for it, the weightiest first."""
    words = [WEIGHTS[row.kind][1] for row in sorted(rows, key=lambda row: -WEIGHTS[row.kind][0])]
    if rows[0].requester_key == message.sender:
        words = ["its sender is the requester" if word == WEIGHTS["sender"][1] else word for word in words]
    return "; ".join(words)
