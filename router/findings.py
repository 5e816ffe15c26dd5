"""Rule 4's search: every ticket that the ids of a message propose, and what the gates say of each.

Known ids come before quoted ones; among them In-Reply-To comes first, then References from right to left. An id whose
Message-ID came with several messages proposes nothing. A quoted id proposes its own sender's ticket; another sender's
only if one of the two stands in the other's From, To or Cc, and only if all of those messages stand on one ticket.
A known id of a message that is still held proposes to wait with it, to that message's sender alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from router.gates import Candidate, Case, Refusal, refusal
from router.incoming import Incoming, Quote
from router.view import Ticket, View
from schemas.message import Automatic
from schemas.placement import Evidence, Gate, Rejected, Relation, Suggestion
from schemas.routing_rows import QuotedRow

SHOWN: Final = 8
"""Rejected candidates and suggestions kept with a decision, each."""


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
    for candidate in _candidates(case):
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


def _known(message: Incoming, view: View) -> Iterator[Candidate]:
    for quote in message.quoted:
        owner = None if view.is_reused(quote.key) else view.owner(quote.key)
        ticket = view.ticket(owner.ticket_id) if owner else None
        if owner is not None and ticket is not None:
            yield Candidate(ticket, _evidence(quote, Relation.KNOWN, owner.id))


def _quoted(message: Incoming, view: View) -> Iterator[Candidate]:
    for quote in message.quoted:
        if view.is_reused(quote.key) or view.owner(quote.key) is not None:
            continue
        row = view.quoted_by(quote.key, message.sender, named=False) or _between_senders(message, quote, view)
        ticket = view.ticket(row.ticket_id) if row else None
        if row is not None and ticket is not None:
            yield Candidate(ticket, _evidence(quote, Relation.QUOTED, row.message_id))


def _between_senders(message: Incoming, quote: Quote, view: View) -> QuotedRow | None:
    """Find another sender's message with the same quoted id, if one of the two names the other; None if in doubt."""
    rows = [view.quoted_by(quote.key, message.sender, named=True)]
    rows += [view.quoted_by(quote.key, member.key, named=False) for member in message.members]
    found = [row for row in rows if row is not None and row.ticket_id is not None]
    return found[0] if len({row.ticket_id for row in found}) == 1 else None


def _held(message: Incoming, view: View) -> Iterator[Evidence]:
    for quote in message.quoted:
        owner = None if view.is_reused(quote.key) else view.owner(quote.key)
        if owner is not None and owner.state == "held" and owner.sender_key == message.sender:
            yield _evidence(quote, Relation.KNOWN, owner.id)


def _evidence(quote: Quote, relation: Relation, message_id: int) -> Evidence:
    return Evidence(source=quote.source, relation=relation, shown=quote.shown, message_id=message_id)
