"""Which tickets a message names, rule by rule, the nearest first. Ids propose; `router/gates.py` decides.

Rule 2: signed reply addresses. Rule 3: our signed ids in In-Reply-To, then References from right to left. Rule 4: the
same order against the index, known ids before quoted ones; where an operator's move has taught an id, its sender goes
where that one led. Rule 6: numbers in the subject. Rule 8: signed tokens in the text. In a conversation only two things
name a ticket: the message that is answered, and the conversation itself.

The same functions say which tickets to lock (`router/reading.py`) and which to ask about (`router/findings.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from router.found import ADDRESSES, ANSWERED, SOURCES, WRITTEN, OurToken
from router.incoming import NAMED_PARTIES, Incoming, Quote
from router.view import View
from schemas.message import Automatic, Kind, TokenPlace
from schemas.placement import Relation, Rule, Source
from schemas.routing_rows import IdKey, KnownRow, QuotedRow

PROPOSED: Final = 8
"""Tickets that one rule may name for a message, the nearest ones; known and quoted ids count apart. What is further
away names nothing, or a single mail could make the router lock and read a hundred tickets."""


class Proposal(NamedTuple):
    """A ticket that a rule names. `key` is the id that names it, `message_id` the message there that carries the id.

    `opened` is what a token says of the ticket's opening. `taught` when an operator put the sender's message there.
    """

    rule: Rule
    source: Source
    relation: Relation
    ticket_id: int
    message_id: int | None = None
    shown: str = ""
    key: IdKey | None = None
    opened: int | None = None
    taught: bool = False


def proposals(message: Incoming, view: View) -> Iterator[Proposal]:
    """Give all that a message proposes, in the order of rules."""
    if message.conversation is not None:
        if message.message.kind in (Kind.RECEIPT, Kind.MEMBERSHIP):
            return
        yield from _nearest(_known(message, view))
        yield from _talked(message, view)
        return
    addresses = WRITTEN if message.staff else ADDRESSES
    yield from _nearest(_signed(Rule.REPLY_TOKEN, message.tokens.at(addresses), view))
    yield from _nearest(_signed(Rule.SIGNED_ID, message.tokens.at(ANSWERED), view))
    yield from _nearest(_known(message, view))
    yield from _nearest(_quoted(message, view))
    yield from _tagged(message, view)
    yield from _nearest(_signed(Rule.BODY_TOKEN, message.tokens.at((TokenPlace.BODY,)), view))


def _talked(message: Incoming, view: View) -> Iterator[Proposal]:
    """Give the ticket of the message's own conversation."""
    talk, conversation = view.talk(message), message.message.thread.conversation
    if talk is not None and talk.ticket_id is not None and conversation is not None:
        yield Proposal(Rule.CONVERSATION, Source.CONVERSATION, Relation.KNOWN, talk.ticket_id, shown=conversation.shown)


def wanted_tags(message: Incoming) -> Sequence[str]:
    """Give the ticket numbers to look up for a message: none for one that could not join by them anyway."""
    return () if message.anonymous or message.staff or message.message.kind is not Kind.MESSAGE else message.tags


def _nearest(found: Iterable[Proposal]) -> Iterator[Proposal]:
    tickets: set[int] = set()
    for proposal in found:
        tickets.add(proposal.ticket_id)
        if len(tickets) > PROPOSED:
            return
        yield proposal


def _signed(rule: Rule, tokens: Iterable[OurToken], view: View) -> Iterator[Proposal]:
    """Give the ticket on which a token's message stands now, else the one for which the token was made.

    A token in the text proves less than one in an address or an id: texts are quoted and passed on.
    """
    relation = Relation.NONE if rule is Rule.BODY_TOKEN else Relation.KNOWN
    for token in tokens:
        claim, moved = token.claim, _moved_to(token, view)
        yield Proposal(
            rule,
            SOURCES[token.place],
            relation,
            claim.ticket_id if moved is None else moved,
            message_id=claim.message_id,
            opened=claim.opened if moved is None else None,
        )


def _moved_to(token: OurToken, view: View) -> int | None:
    """Give the other ticket to which the token's message was moved, if it is that message.

    After a restore the store gives numbers again: a message of ours is the one meant only if it has the token's id.
    """
    found = view.messages.get(token.claim.message_id)
    if found is None or found.direction != "out" or found.ticket_id in (None, token.claim.ticket_id):
        return None
    return found.ticket_id if found.own_digest in token.own_digests else None


def _known(message: Incoming, view: View) -> Iterator[Proposal]:
    for quote in message.quoted:
        owner = view.owner(quote.key)
        taught = _taught(message, quote, view)
        if taught is not None and taught.ticket_id is not None:
            relation = Relation.QUOTED if owner is None else Relation.KNOWN
            yield _by_id(quote, relation, taught.ticket_id, taught.message_id)._replace(taught=True)
        whole = view.whole(owner)
        if whole is not None and whole.ticket_id is not None:
            yield _by_id(quote, Relation.KNOWN, whole.ticket_id, whole.id)


def _taught(message: Incoming, quote: Quote, view: View) -> QuotedRow | None:
    row = None if message.anonymous else view.quoted_by(quote.key, message.sender)
    return row if row is not None and row.taught else None


def _quoted(message: Incoming, view: View) -> Iterator[Proposal]:
    """Give tickets on which the sender, or somebody whom the message names, quoted an id that nobody here owns.

    What a machine quotes proves nothing.
    """
    if message.message.automatic is Automatic.AUTO_REPLY or message.anonymous:
        return
    for quote in message.quoted:
        row = _quoting(message, quote, view)
        if row is not None and row.ticket_id is not None:
            yield _by_id(quote, Relation.QUOTED, row.ticket_id, row.message_id)


def _quoting(message: Incoming, quote: Quote, view: View) -> QuotedRow | None:
    """Find a message with the same quoted id of the same sender, or of somebody whom it names; None if in doubt."""
    own = view.quoted_by(quote.key, message.sender)
    if own is not None:
        return own
    rows = [view.quoted_by(quote.key, member.key) for member in message.members[:NAMED_PARTIES]]
    found = [row for row in rows if row is not None and row.ticket_id is not None]
    return found[0] if len({row.ticket_id for row in found}) == 1 else None


def _by_id(quote: Quote, relation: Relation, ticket_id: int, message_id: int) -> Proposal:
    return Proposal(Rule.IDS, quote.source, relation, ticket_id, message_id, quote.shown, quote.key)


def _tagged(message: Incoming, view: View) -> Iterator[Proposal]:
    for number in wanted_tags(message):
        ticket_id = view.numbers.get(number)
        if ticket_id is not None:
            yield Proposal(Rule.SUBJECT_TAG, Source.SUBJECT_TAG, Relation.NONE, ticket_id, shown=number)


def named_messages(message: Incoming, view: View) -> Iterator[KnownRow]:
    """Give the stored messages whose ids or tokens this one carries."""
    owners = (view.owner(quote.key) for quote in message.quoted)
    yield from (owner for owner in owners if owner is not None)
    marked = (view.messages.get(token.claim.message_id) for token in message.tokens.ours)
    yield from (found for found in marked if found is not None)
