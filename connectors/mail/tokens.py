"""Where a mail carries tokens of the form of ours (`schemas/tokens.py`), true or not: the strongest places first."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from connectors.mail.parse import ParsedMail, addresses_of
from schemas.base import MAX_QUOTED_IDS
from schemas.message import FoundToken, TokenPlace
from schemas.tokens import IN_LOOP, IN_TEXT, token_in_address, token_in_message_id

DELIVERED: Final = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
"""Fields in which systems on the way note the recipient that they had."""
MAX_BODY_TOKENS: Final = 10


def tokens_of(mail: ParsedMail, rcpt_to: Sequence[str]) -> tuple[FoundToken, ...]:
    """Give every token of a mail, each place and value once."""
    found: dict[tuple[TokenPlace, str], None] = {}
    for place, value in _all(mail, rcpt_to):
        if value:
            found.setdefault((place, value))
    return tuple(FoundToken(place=place, value=value) for place, value in list(found)[:MAX_QUOTED_IDS])


def _all(mail: ParsedMail, rcpt_to: Sequence[str]) -> Iterator[tuple[TokenPlace, str]]:
    yield TokenPlace.OWN_ID, token_in_message_id(mail.message_id)
    yield from _each(TokenPlace.LOOP, map(_in_loop, mail.head.all("x-loop")))
    yield from _each(TokenPlace.RECIPIENT, map(token_in_address, rcpt_to))
    for name in DELIVERED:
        yield from _each(TokenPlace.DELIVERED_TO, (token_in_address(a.address) for a in addresses_of(mail.head, name)))
    yield from _each(TokenPlace.TO, (token_in_address(address.address) for address in mail.to))
    yield from _each(TokenPlace.CC, (token_in_address(address.address) for address in mail.cc))
    yield from _each(TokenPlace.IN_REPLY_TO, map(token_in_message_id, mail.in_reply_to))
    yield from _each(TokenPlace.REFERENCES, map(token_in_message_id, reversed(mail.references)))
    yield from _each(TokenPlace.REPORT, map(token_in_message_id, mail.report.originals if mail.report else ()))
    in_text = (match[1].lower() for match in IN_TEXT.finditer(mail.text))
    yield from _each(TokenPlace.BODY, (value for value, _ in zip(in_text, range(MAX_BODY_TOKENS), strict=False)))


def _each(place: TokenPlace, values: Iterable[str]) -> Iterator[tuple[TokenPlace, str]]:
    return ((place, value) for value in values)


def _in_loop(value: bytes) -> str:
    match = IN_LOOP.match(value.decode("ascii", "replace").strip())
    return match[1].lower() if match else ""
