"""Rule 4's search: every ticket that the ids of a message propose, and what the gates say of each.

Known ids come before quoted ones; among them In-Reply-To comes first, then References from right to left. An id whose
Message-ID came with several messages proposes nothing. A quoted id proposes the ticket on which its own sender quoted
it before, or else somebody whom the message names; two tickets of people whom it names are none.
A known id of a message that is still held proposes to wait with it, to that message's sender alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from router.gates import Candidate, Case, Refusal, refusal
from router.incoming import NAMED_PARTIES, Incoming, Quote
from router.view import Ticket, View
from schemas.message import Automatic
from schemas.placement import Evidence, Gate, Rejected, Relation, Suggestion
from schemas.routing_rows import QuotedRow

PROPOSED: Final = 8
"""Tickets that known ids of one message may propose, the nearest ones, and as many that quoted ids may. Ids further
away name nothing, or a single mail could make the router lock and read a hundred tickets."""

SHOWN: Final = 8
"""Rejected candidates and suggestions kept with a decision, each."""


class Proposal(NamedTuple):
    """An id of the message, the ticket that it names, and the message there that carries it."""

    quote: Quote
    ticket_id: int
    message_id: int


@dataclass(slots=True, kw_only=True)
class Findings:
    """`accepted` is the candidate that all gates let pass; `others` are tickets named by ids further away."""

    accepted: Candidate | None = None
    refused: list[Refusal] = field(default_factory=list)
    others: list[Candidate] = field(default_factory=list)
    held_with: Evidence | None = None

    def rejected(self) -> tuple[Rejected, ...]:
        """Give the refused candidates, as stored."""
        return tuple(found.shown() for found in self.refused[:SHOWN])

    def suggestions(self, *, beside: Ticket | None) -> tuple[Suggestion, ...]:
        """Give each other ticket that the message names, once."""
        named = {found.candidate.ticket.number: f"refused: {found.reason}" for found in self.refused}
        named |= {found.ticket.number: "its ids name this ticket, too" for found in self.others}
        if beside is not None:
            named.pop(beside.number, None)
        return tuple(Suggestion(ticket=number, why=why) for number, why in named.items())[:SHOWN]

    def first(self, *gates: Gate) -> Refusal | None:
        """Give the nearest candidate that one of these gates refused."""
        return next((found for found in self.refused if found.gate in gates), None)


def search(case: Case) -> Findings:
    """Ask every candidate in order; the first that passes is accepted, the rest are only named."""
    findings = Findings()
    if not case.message.quoted:
        return findings
    asked: set[tuple[int, Relation, bool]] = set()
    for candidate in _candidates(case):
        question = (candidate.ticket.id, candidate.evidence.relation, case.answers_itself(candidate.evidence))
        if question in asked:
            continue
        asked.add(question)
        if findings.accepted is None:
            _examine(case, candidate, findings)
        elif candidate.ticket is not findings.accepted.ticket:
            findings.others.append(candidate)
    findings.held_with = next(_held(case.message, case.view), None)
    return findings


def _examine(case: Case, candidate: Candidate, findings: Findings) -> None:
    refused = refusal(case, candidate)
    if refused is None:
        findings.accepted = candidate
        return
    findings.refused.append(refused)
    if refused.gate is Gate.CLOSED:
        findings.accepted = _successor(case, candidate)


def _successor(case: Case, closed: Candidate) -> Candidate | None:
    """Find the open ticket that follows a closed one, so that a second late reply does not open a third ticket."""
    followers = (Candidate(ticket, closed.evidence) for ticket in case.view.open_successors(closed.ticket))
    return next((follower for follower in followers if refusal(case, follower) is None), None)


def _candidates(case: Case) -> Iterator[Candidate]:
    """Give candidates, known before quoted, nearest first. What a machine quotes proves nothing."""
    message, view = case.message, case.view
    yield from _known(message, view)
    if message.message.automatic is not Automatic.AUTO_REPLY and not message.anonymous:
        yield from _quoted(message, view)


def known_proposals(message: Incoming, view: View) -> Iterator[Proposal]:
    """Give the tickets that known ids name, as far as they are looked at."""
    owners = ((quote, view.owner(quote.key)) for quote in message.quoted)
    return _nearest(Proposal(q, owner.ticket_id, owner.id) for q, owner in owners if owner and owner.ticket_id)


def quoted_proposals(message: Incoming, view: View) -> Iterator[Proposal]:
    """Give the tickets on which the sender, or somebody whom the message names, quoted an id that nobody here owns."""
    rows = ((quote, _quoting(message, quote, view)) for quote in message.quoted)
    return _nearest(Proposal(q, row.ticket_id, row.message_id) for q, row in rows if row and row.ticket_id)


def _nearest(proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    tickets: set[int] = set()
    for proposal in proposals:
        tickets.add(proposal.ticket_id)
        if len(tickets) > PROPOSED:
            return
        yield proposal


def _known(message: Incoming, view: View) -> Iterator[Candidate]:
    for quote, ticket_id, message_id in known_proposals(message, view):
        ticket = view.ticket(ticket_id)
        if ticket is not None and not view.is_reused(quote.key):
            yield Candidate(ticket, _evidence(quote, Relation.KNOWN, message_id))


def _quoted(message: Incoming, view: View) -> Iterator[Candidate]:
    for quote, ticket_id, message_id in quoted_proposals(message, view):
        ticket = view.ticket(ticket_id)
        if ticket is not None and not view.is_reused(quote.key) and view.owner(quote.key) is None:
            yield Candidate(ticket, _evidence(quote, Relation.QUOTED, message_id))


def _quoting(message: Incoming, quote: Quote, view: View) -> QuotedRow | None:
    """Find a message with the same quoted id of the same sender, or of somebody whom it names; None if in doubt."""
    own = view.quoted_by(quote.key, message.sender)
    if own is not None:
        return own
    rows = [view.quoted_by(quote.key, member.key) for member in message.members[:NAMED_PARTIES]]
    found = [row for row in rows if row is not None and row.ticket_id is not None]
    return found[0] if len({row.ticket_id for row in found}) == 1 else None


def _held(message: Incoming, view: View) -> Iterator[Evidence]:
    for quote in message.quoted:
        owner = None if view.is_reused(quote.key) else view.owner(quote.key)
        if message.anonymous or owner is None:
            continue
        if owner.state == "held" and owner.sender_key == message.sender:
            yield _evidence(quote, Relation.KNOWN, owner.id)


def _evidence(quote: Quote, relation: Relation, message_id: int) -> Evidence:
    return Evidence(source=quote.source, relation=relation, shown=quote.shown, message_id=message_id)
