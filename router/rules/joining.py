"""What rules 2 to 8 do with a candidate that passed every gate: join its ticket, and say why."""

from collections.abc import Callable
from typing import Final

from router.findings import Findings
from router.gates import Candidate, Case, is_internal, reopens
from router.placement import Placement, joined
from schemas.placement import Relation, Rule, Source, Visibility

WHERE: Final = {
    Source.IN_REPLY_TO: "It answers a message",
    Source.REFERENCES: "Its References name a message",
    Source.REPLY_TOKEN: "It was sent to the signed reply address of a message",
    Source.SIGNED_ID: "It names the signed id of a message",
    Source.SUBJECT_TAG: "Its subject has the number",
    Source.CONVERSATION: "It was written in the conversation",
    Source.BODY_TOKEN: "Its text has the signed token of a message",
}

RuleFunction = Callable[[Case, Findings], Placement | None]


def accepted_by(rule: Rule) -> RuleFunction:
    """Make the rule that joins what was accepted because of it."""

    def joins(case: Case, findings: Findings) -> Placement | None:
        accepted = findings.accepted
        return None if accepted is None or accepted.rule is not rule else join(case, findings, accepted, rule=rule)

    return joins


def join(case: Case, findings: Findings, accepted: Candidate, *, rule: Rule) -> Placement:
    """Join this candidate's ticket. What customers are not shown reopens nothing."""
    internal = is_internal(case, accepted)
    return joined(
        findings,
        rule=rule,
        ticket=accepted.ticket,
        evidence=accepted.evidence,
        reopened=reopens(case, accepted.ticket) and not internal,
        why=why(accepted) + (" It belongs to what customers are not shown." if internal else ""),
        visibility=Visibility.INTERNAL if internal else Visibility.PUBLIC,
    )


def why(accepted: Candidate) -> str:
    """Say for people what spoke for a ticket."""
    where = WHERE.get(accepted.evidence.source, "It names a message")
    ticket = accepted.ticket if accepted.named is None else accepted.named
    merged = "" if ticket is accepted.ticket else f", which goes on as {accepted.ticket.number}"
    if accepted.taught:
        return f"{where} that an operator put on ticket {ticket.number}{merged}, with its sender."
    if accepted.evidence.relation is Relation.QUOTED:
        return f"{where} that a message of ticket {ticket.number}{merged} names as well; its sender takes part in it."
    return f"{where} of ticket {ticket.number}{merged}, and its sender takes part in it."
