"""To whom an answer goes, and what it answers. Pure.

A public answer names public messages alone, an internal one internal messages alone: neither tells the other side that
there is more. Nobody is named by what a message claims of itself but its author and those whom the requester named.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from router.outgoing import OUT
from router.view import Ticket
from schemas.message import Automatic, Party, ThreadId
from schemas.outbound_rows import SpokenRow
from schemas.placement import Author, Visibility, address_key
from schemas.tokens import token_in_address

FIRST_KEPT: Final = 1
LAST_KEPT: Final = 19
"""References of a long conversation: the first and the latest (RFC 5537 3.4.4 asks for at least so)."""
SHOWN_WHOLE: Final = 255
"""A shown id of this length may have been cut, and then names nothing."""

_ADDRESS: Final = re.compile(r"[^\s@<>(),:;\\\"\[\]\x00-\x1f\x7f]{1,64}@[^\s@<>(),:;\\\"\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The ids that an answer names: of what it answers, and of what came before."""

    in_reply_to: tuple[ThreadId, ...] = ()
    references: tuple[ThreadId, ...] = ()


def is_address(text: str) -> bool:
    """Whether this is an address that we write to: plain local part, a domain, nothing that a header could break on."""
    return _ADDRESS.fullmatch(text) is not None and text.isprintable()


def answered(spoken: Sequence[SpokenRow], *, visibility: Visibility) -> Answered:
    """Give what an answer names: the latest message of the other side, its own chain, and what we said since.

    `spoken` is the newest first. Automatic mail is answered by nobody; a mail names no ids of chats.
    """
    seen = [row for row in spoken if row.visibility == visibility]
    since: list[ThreadId] = []
    for row in seen:
        own = _own(row)
        if own is None or row.thread.get("conversation"):
            continue
        if row.direction == OUT:
            since.append(own)
        elif row.author == Author.CUSTOMER and row.automatic == Automatic.NO:
            chain = [*_quoted(row), own, *reversed(since)]
            return Answered(in_reply_to=(own,), references=_kept(chain))
    return Answered(in_reply_to=tuple(since[:1]), references=_kept(list(reversed(since))))


def copied(ticket: Ticket, spoken: Sequence[SpokenRow]) -> Iterator[Party]:
    """Give the public participants who stood in To or Cc of public messages by participants, each once."""
    given: set[bytes] = {ticket.requester}
    for row in spoken:
        if row.visibility != Visibility.PUBLIC or row.author != Author.CUSTOMER:
            continue
        sender = Party(address=row.sender_address, name=row.sender_name)
        for party in (sender, *parties(row.to), *parties(row.cc)):
            key = address_key(ticket.channel, ticket.account, party.address)
            if key in ticket.members and key not in given and is_address(party.address):
                given.add(key)
                yield party


def parties(values: Iterable[dict[str, str]]) -> Iterator[Party]:
    """Give stored parties."""
    return (Party(address=value["address"], name=value.get("name", "")) for value in values)


def is_reply_address(address: str) -> bool:
    """Whether this is an address that carries a token, ours or another desk's: no person is behind it."""
    return bool(token_in_address(address))


def _own(row: SpokenRow) -> ThreadId | None:
    own = row.thread.get("own")
    return _whole(own) if own else None


def _quoted(row: SpokenRow) -> list[ThreadId]:
    """Give the chain before a message: its References, or what it answers when it names only that."""
    named = row.thread.get("references") or row.thread.get("in_reply_to") or ()
    return [found for found in map(_whole, named) if found is not None]


def _whole(value: dict[str, str]) -> ThreadId | None:
    shown = value.get("shown", "")
    if not shown or len(shown) >= SHOWN_WHOLE or not shown.isprintable():
        return None
    return ThreadId(digest=value["digest"], shown=shown)


def _kept(chain: Sequence[ThreadId]) -> tuple[ThreadId, ...]:
    each = list({found.digest: found for found in chain}.values())
    return tuple(each if len(each) <= FIRST_KEPT + LAST_KEPT else [*each[:FIRST_KEPT], *each[-LAST_KEPT:]])
