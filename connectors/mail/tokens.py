"""Tokens of ours in a mail: wherever one may stand, the strongest place first. Whether they are true the router knows.

Relays rewrite Message-IDs, people answer to all, and list servers drop headers, so one place is never enough.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.mail.fields import Head
from connectors.mail.words import clean_line
from schemas.base import MAX_QUOTED_IDS
from schemas.message import FoundToken, TokenPlace
from schemas.tokens import IN_LOOP, IN_TEXT, token_in_address, token_in_message_id

_DELIVERED: Final = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
"""Fields in which the last servers note for whom they took a mail; none of them is standard."""
_SCANNED: Final = 256 * 1024
"""Characters of a body that are searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlaces:
    """Where to look. `recipients` are those of the envelope; `reported` are tokens inside embedded mails."""

    head: Head
    own: str
    recipients: Sequence[str] = ()
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    in_reply_to: Sequence[str] = ()
    references: Sequence[str] = ()
    reported: Sequence[str] = ()
    text: str = ""


def find_tokens(places: TokenPlaces) -> tuple[FoundToken, ...]:
    """Give what has the form of a token, by place; in a place the nearest first; each once a place, at most 100."""
    found = dict.fromkeys((place, value) for place, value in _all(places) if value)
    return tuple(FoundToken(place=place, value=value) for place, value in list(found)[:MAX_QUOTED_IDS])


def loop_tokens(head: Head) -> Iterator[str]:
    """Give the tokens in `X-Loop` fields; a mail may have several, of several systems."""
    for value in head.all("x-loop"):
        match = IN_LOOP.match(clean_line(value.decode("ascii", "replace")))
        if match:
            yield match[1].lower()


def _all(places: TokenPlaces) -> Iterator[tuple[TokenPlace, str]]:
    head = places.head
    yield TokenPlace.OWN_ID, token_in_message_id(places.own)
    yield from _at(TokenPlace.LOOP, loop_tokens(head))
    yield from _at(TokenPlace.RECIPIENT, map(token_in_address, places.recipients))
    yield from _at(TokenPlace.DELIVERED_TO, map(token_in_address, _delivered_to(head)))
    yield from _at(TokenPlace.TO, map(token_in_address, places.to))
    yield from _at(TokenPlace.CC, map(token_in_address, places.cc))
    yield from _at(TokenPlace.IN_REPLY_TO, map(token_in_message_id, places.in_reply_to))
    yield from _at(TokenPlace.REFERENCES, map(token_in_message_id, reversed(places.references)))
    yield from _at(TokenPlace.REPORT, places.reported)
    if "[sb:" in places.text:
        yield from _at(TokenPlace.BODY, (match.lower() for match in IN_TEXT.findall(places.text[:_SCANNED])))


def _at(place: TokenPlace, values: Iterable[str]) -> Iterator[tuple[TokenPlace, str]]:
    return ((place, value) for value in values)


def _delivered_to(head: Head) -> Iterator[str]:
    for name in _DELIVERED:
        for value in head.all(name):
            yield clean_line(value.decode("utf-8", "replace")).strip("<> ")
