"""What follows when every ticket that a message names is refused by a gate."""

from router.findings import Findings
from router.gates import GATES, Candidate, Case, Refusal, refused_by
from router.placement import Placement, held, joined, opened
from router.policy import Strangers
from schemas.message import Result
from schemas.placement import Gate, HoldReason, Relation, Rule, Visibility

LATER = [(gate, check) for gate, check in GATES if gate in (Gate.FORWARD, Gate.SUBJECT, Gate.SPAM, Gate.CLOSED)]
"""Gates that a stranger's message must pass, too."""


def linked(_case: Case, findings: Findings) -> Placement | None:
    """Gates 3, 6 and 7: a forward, another subject or a ticket closed for long: a new ticket that follows the old one.

    What is named by a ticket that was called spam waits for a person.
    """
    refused = findings.first(Gate.FORWARD, Gate.SUBJECT, Gate.SPAM, Gate.CLOSED)
    if refused is None:
        return None
    ticket = refused.candidate.ticket
    why = f"It names ticket {ticket.number}, but {refused.reason}"
    rule = refused.candidate.rule
    if refused.gate is Gate.SPAM:
        evidence = (refused.candidate.evidence,)
        return held(findings, rule=rule, reason=HoldReason.SPAM, why=f"{why}.", evidence=evidence)
    return opened(findings, rule=rule, why=f"{why}: a new ticket that follows it.", continues=ticket)


def with_held(_case: Case, findings: Findings) -> Placement | None:
    """Wait with the held message of the same sender that this one answers; where that one goes, this one follows."""
    if findings.held_with is None:
        return None
    why = "It answers a message of the same sender that is held; it follows where that one goes."
    evidence = (findings.held_with,)
    return held(findings, rule=Rule.IDS, reason=HoldReason.FOLLOWS_HELD, why=why, evidence=evidence)


def stranger(case: Case, findings: Findings) -> Placement | None:
    """Gate 2: somebody who takes no part, or whose check failed, answered a message that we know."""
    known = (found for found in findings.refused if found.candidate.evidence.relation is Relation.KNOWN)
    refused = next((found for found in known if found.gate in (Gate.PARTICIPANT, Gate.VERDICT)), None)
    if refused is None:
        return None
    if _may_attach(case, refused):
        return _attached(findings, refused.candidate)
    reason = HoldReason.STRANGER if refused.gate is Gate.PARTICIPANT else HoldReason.SUSPICIOUS
    why = f"It names ticket {refused.candidate.ticket.number}, but {refused.reason}."
    evidence = (refused.candidate.evidence,)
    return held(findings, rule=refused.candidate.rule, reason=reason, why=why, evidence=evidence)


def _may_attach(case: Case, refused: Refusal) -> bool:
    """Whether the account wants strangers' messages on their tickets, and only that its sender is one bars this one."""
    message, candidate = case.message, refused.candidate
    if case.policy.strangers is not Strangers.ATTACH or refused.gate is not Gate.PARTICIPANT or message.anonymous:
        return False
    if message.sender in candidate.ticket.members or message.message.verdict.result is Result.FAIL:
        return False
    return refused_by(LATER, case, candidate) is None


def _attached(findings: Findings, candidate: Candidate) -> Placement:
    why = f"It names ticket {candidate.ticket.number}. Nothing shows that its sender may write there: for agents alone."
    return joined(
        findings,
        rule=candidate.rule,
        ticket=candidate.ticket,
        evidence=candidate.evidence,
        reopened=False,
        why=why,
        visibility=Visibility.UNVERIFIED,
    )
