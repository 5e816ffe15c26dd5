"""Rule 4: ids in In-Reply-To and References that name a ticket, and what follows when a gate refuses them all."""

from router.findings import Findings
from router.gates import Candidate, Case, reopens
from router.placement import Placement, held, joined, opened
from schemas.placement import Gate, HoldReason, Relation, Rule, Source

WHERE = {
    Source.IN_REPLY_TO: "It answers a message",
    Source.REFERENCES: "Its References name a message",
}


def by_ids(case: Case, findings: Findings) -> Placement | None:
    """Join the ticket of the nearest id that passes every gate."""
    accepted = findings.accepted
    return None if accepted is None else join(case, findings, accepted, rule=Rule.IDS)


def join(case: Case, findings: Findings, accepted: Candidate, *, rule: Rule) -> Placement:
    """Join this candidate's ticket."""
    return joined(
        findings,
        rule=rule,
        ticket=accepted.ticket,
        evidence=accepted.evidence,
        reopened=reopens(case, accepted.ticket),
        why=_why(accepted),
    )


def linked(_case: Case, findings: Findings) -> Placement | None:
    """Gates 3 and 6: a forward, another subject, or a ticket closed for long: a new ticket that follows the old one."""
    refused = findings.first(Gate.FORWARD, Gate.SUBJECT, Gate.CLOSED)
    if refused is None:
        return None
    ticket = refused.candidate.ticket
    why = f"Its ids name ticket {ticket.number}, but {refused.reason}: a new ticket that follows it."
    return opened(findings, rule=Rule.IDS, why=why, continues=ticket)


def with_held(_case: Case, findings: Findings) -> Placement | None:
    """Wait with the held message of the same sender that this one answers; where that one goes, this one follows."""
    if findings.held_with is None:
        return None
    why = "It answers a message of the same sender that is held; it follows where that one goes."
    evidence = (findings.held_with,)
    return held(findings, rule=Rule.IDS, reason=HoldReason.FOLLOWS_HELD, why=why, evidence=evidence)


def stranger(_case: Case, findings: Findings) -> Placement | None:
    """Gate 2: somebody who takes no part, or whose check failed, answered a message that we know."""
    refused = next((found for found in findings.refused if found.candidate.evidence.relation is Relation.KNOWN), None)
    if refused is None or refused.gate not in (Gate.PARTICIPANT, Gate.VERDICT):
        return None
    reason = HoldReason.STRANGER if refused.gate is Gate.PARTICIPANT else HoldReason.SUSPICIOUS
    why = f"Its ids name ticket {refused.candidate.ticket.number}, but {refused.reason}."
    return held(findings, rule=Rule.IDS, reason=reason, why=why, evidence=(refused.candidate.evidence,))


def _why(accepted: Candidate) -> str:
    where = WHERE.get(accepted.evidence.source, "It names a message")
    if accepted.evidence.relation is Relation.QUOTED:
        return f"{where} that a message of ticket {accepted.ticket.number} names as well; its sender takes part in it."
    return f"{where} of ticket {accepted.ticket.number}, and its sender takes part in it."
