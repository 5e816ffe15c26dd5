"""The search: every ticket that a message names (`router/proposals.py`), and what the gates say of each.

The first that passes is accepted, and a refused one is as if it had not been named: the next is asked, but for a ticket
that the refused one follows. An id whose Message-ID came with several messages proposes nothing. A known id of a
message that is still held proposes to wait with it, to that message's sender alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from router.found import SOURCES
from router.gates import Candidate, Case, Refusal, refusal, scope
from router.incoming import Incoming, Quote
from router.proposals import Proposal, proposals
from router.tokens import opened_mark
from router.view import Ticket, View
from schemas.placement import Evidence, Gate, Rejected, Relation, Suggestion

SHOWN: Final = 8
"""Rejected candidates and suggestions kept with a decision, each."""

OTHER_TICKET: Final = "it was made for another ticket, of before a restore"
REUSED: Final = "several messages came with this id"

Ask = Callable[[Case, Candidate], Refusal | None]


@dataclass(slots=True, kw_only=True)
class Findings:
    """`accepted` is the candidate that all gates let pass; `others` are tickets named by what comes after it.

    `untrue` is what proposes nothing, and why: tokens that are none of ours, or not for the ticket that has their
    number now, and ids with which several messages came; their tickets (`spoiled`) are for a person to look at.
    `left_behind` are tickets that a named one follows where its message may not join: its matter went on from there,
    and does not go back because the message names older mails, too.
    """

    accepted: Candidate | None = None
    refused: list[Refusal] = field(default_factory=list)
    others: list[Candidate] = field(default_factory=list)
    untrue: list[Rejected] = field(default_factory=list)
    spoiled: list[Ticket] = field(default_factory=list)
    held_with: Evidence | None = None
    left_behind: set[int] = field(default_factory=set)

    def is_accepted(self, ticket: Ticket) -> bool:
        """Whether this is the ticket that all gates let pass."""
        return self.accepted is not None and self.accepted.ticket is ticket

    def rejected(self) -> tuple[Rejected, ...]:
        """Give the refused candidates, as stored."""
        return (*(found.shown() for found in self.refused[:SHOWN]), *self.untrue[:SHOWN])[:SHOWN]

    def suggestions(self, *, beside: Ticket | None) -> tuple[Suggestion, ...]:
        """Give each other ticket that the message names, once."""
        here = (found for found in self.refused if found.gate is not Gate.SCOPE)
        named = {found.candidate.ticket.number: f"refused: {found.reason}" for found in here}
        named |= {found.ticket.number: "its ids name this ticket, too" for found in self.others}
        for ticket in self.spoiled:
            named.setdefault(ticket.number, f"an id names this ticket, but {REUSED}")
        if beside is not None:
            named.pop(beside.number, None)
        return tuple(Suggestion(ticket=number, why=why) for number, why in named.items())[:SHOWN]

    def first(self, *gates: Gate) -> Refusal | None:
        """Give the nearest candidate that one of these gates refused."""
        return next((found for found in self.refused if found.gate in gates), None)


def search(case: Case, ask: Ask = refusal) -> Findings:
    """Ask every candidate in order; the first that passes is accepted, the rest are only named."""
    findings = Findings(untrue=_untrue(case.message))
    if not case.message.names_anything:
        return findings
    asked: set[object] = set()
    for candidate in _candidates(case, findings):
        question = candidate.question(case)
        if question in asked:
            continue
        asked.add(question)
        if findings.accepted is None and candidate.ticket.id not in findings.left_behind:
            _examine(case, candidate, findings, ask)
        elif not findings.is_accepted(candidate.ticket) and scope(case, candidate) is None:
            findings.others.append(candidate)
    findings.held_with = next(_held(case.message, case.view), None)
    return findings


def _examine(case: Case, candidate: Candidate, findings: Findings, ask: Ask) -> None:
    refused = ask(case, candidate)
    if refused is None:
        findings.accepted = candidate
        return
    findings.refused.append(refused)
    if refused.gate in (Gate.CLOSED, Gate.PARTICIPANT) and candidate.evidence.relation is Relation.KNOWN:
        findings.left_behind.update(case.view.predecessors(candidate.ticket))
    if refused.gate is Gate.CLOSED:
        findings.accepted = _successor(case, candidate, ask)


def _successor(case: Case, closed: Candidate, ask: Ask) -> Candidate | None:
    """Find the open ticket that follows a closed one, so that a second late reply does not open a third ticket."""
    followers = (closed._replace(ticket=ticket) for ticket in case.view.open_successors(closed.ticket))
    return next((follower for follower in followers if ask(case, follower) is None), None)


def _candidates(case: Case, findings: Findings) -> Iterator[Candidate]:
    """Give what is proposed as tickets that stand; a merged one leads to where it goes on."""
    view = case.view
    for proposal in proposals(case.message, view):
        named, ticket = view.ticket(proposal.ticket_id), view.standing(proposal.ticket_id)
        if named is None or ticket is None or _has_an_owner_now(proposal, view):
            continue
        evidence = _evidence(proposal)
        if proposal.opened not in (None, opened_mark(named.created_at)):
            findings.untrue.append(Rejected(gate=Gate.TOKEN, evidence=evidence, reason=OTHER_TICKET))
        elif proposal.key is not None and view.is_reused(proposal.key):
            _spoil(case, findings, ticket, evidence)
        else:
            yield Candidate(ticket, evidence, proposal.rule, named, proposal.taught)


def _spoil(case: Case, findings: Findings, ticket: Ticket, evidence: Evidence) -> None:
    """Keep what an id would have named, had it not come with several messages."""
    if ticket.scope == case.message.message.scope and ticket not in findings.spoiled:
        findings.spoiled.append(ticket)
        findings.untrue.append(Rejected(ticket=ticket.number, gate=Gate.REUSED, evidence=evidence, reason=REUSED))


def _has_an_owner_now(proposal: Proposal, view: View) -> bool:
    """Whether an id that was only quoted is known by now."""
    return proposal.key is not None and proposal.relation is Relation.QUOTED and view.owner(proposal.key) is not None


def _evidence(proposal: Proposal) -> Evidence:
    return Evidence(
        source=proposal.source, relation=proposal.relation, shown=proposal.shown, message_id=proposal.message_id
    )


def _untrue(message: Incoming) -> list[Rejected]:
    return [
        Rejected(gate=Gate.TOKEN, evidence=Evidence(source=SOURCES[token.place]), reason=token.reason)
        for token in message.tokens.others
    ]


def _held(message: Incoming, view: View) -> Iterator[Evidence]:
    for quote in message.quoted:
        owner = None if view.is_reused(quote.key) else view.owner(quote.key)
        if message.anonymous or owner is None:
            continue
        if owner.state == "held" and owner.sender_key == message.sender:
            yield _known(quote, owner.id)


def _known(quote: Quote, message_id: int) -> Evidence:
    return Evidence(source=quote.source, relation=Relation.KNOWN, shown=quote.shown, message_id=message_id)
