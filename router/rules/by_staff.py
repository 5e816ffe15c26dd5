"""Staff: mail of an agent, or of one of our own addresses, is never a customer's message.

With a proof of the sender, an answer to a message of ours is an agent's answer, and a forward opens a ticket. All else
is held: whoever writes in an agent's name could speak for us. Of addresses only those in To and Cc count: an agent's
mail to somebody is proven wherever that one sends it again, but not with another To.
"""

from collections.abc import Sequence
from typing import Final

from router.findings import Findings, search
from router.gates import Candidate, Case, GateCheck, Refusal, is_internal, refused_by, scope, spam
from router.placement import Placement, held, joined, opened
from router.rules.joining import WHERE
from schemas.message import Automatic, Result, SubjectPrefix
from schemas.placement import Gate, HoldReason, Rule, Visibility

ANSWERS: Final = (Rule.REPLY_TOKEN, Rule.SIGNED_ID)


def signed(_case: Case, candidate: Candidate) -> str | None:
    """Let an agent answer what we signed, and nothing else."""
    return None if candidate.rule in ANSWERS else "staff answers by our signed ids and addresses alone"


GATES: Final[Sequence[tuple[Gate, GateCheck]]] = ((Gate.SCOPE, scope), (Gate.TOKEN, signed), (Gate.SPAM, spam))


def ask_staff(case: Case, candidate: Candidate) -> Refusal | None:
    """Ask the gates that hold for staff: they take part in no ticket, and write their own subjects."""
    return refused_by(GATES, case, candidate)


def by_staff(case: Case, _findings: Findings) -> Placement | None:
    """Take an agent's answer or forward; hold what else comes from staff."""
    if not case.message.staff:
        return None
    findings = search(case, ask_staff)
    inbound = case.message.message
    if inbound.automatic is not Automatic.NO:
        return _held(findings, HoldReason.AUTOMATIC, "A machine sent it in the name of our staff.")
    if inbound.verdict.result is not Result.PASS:
        return _held(findings, HoldReason.STAFF, "It came in the name of our staff, and nothing proves its sender.")
    if inbound.thread.subject_prefix is SubjectPrefix.FORWARD:
        return _forwarded(case, findings)
    if findings.accepted is None:
        return _held(findings, HoldReason.STAFF, "Our staff wrote it, and it answers no message of ours.")
    return _answer(case, findings, findings.accepted)


def _is_for_others(case: Case, accepted: Candidate) -> bool:
    """Whether only an id names the ticket, and the mail goes to people outside: an old mail was taken to write anew.

    Whoever writes to the ticket's reply address means its customer.
    """
    if accepted.rule is Rule.REPLY_TOKEN or is_internal(case, accepted):
        return False
    return any(member.key not in accepted.ticket.members for member in case.message.members)


def _answer(case: Case, findings: Findings, accepted: Candidate) -> Placement:
    """Put an agent's answer on its ticket; it goes to the customer unless it belongs to what customers never see."""
    if _is_for_others(case, accepted):
        why = "Our staff wrote it to somebody who takes no part in the ticket that an id in it names."
        return held(findings, rule=Rule.STAFF, reason=HoldReason.STAFF, why=why, evidence=(accepted.evidence,))
    internal = is_internal(case, accepted)
    where = WHERE[accepted.evidence.source]
    placement = joined(
        findings,
        rule=Rule.STAFF,
        ticket=accepted.ticket,
        evidence=accepted.evidence,
        reopened=False,
        why=f"{where} of ticket {accepted.ticket.number}, and one of our staff wrote it.",
        visibility=Visibility.INTERNAL if internal else Visibility.PUBLIC,
    )
    return placement.by_agent(sends_on=not internal)


def _forwarded(case: Case, findings: Findings) -> Placement:
    """Open a ticket for what an agent forwards; who wrote it inside is a claim that an agent must confirm."""
    inner = case.message.message.forwarded
    why = "One of our staff forwarded it"
    if inner is None:
        return opened(findings, rule=Rule.STAFF, why=f"{why}.").by_agent()
    placement = opened(findings, rule=Rule.STAFF, why=f"{why}; the sender of what is inside may be the requester.")
    return placement.by_agent(requester=inner.address)


def _held(findings: Findings, reason: HoldReason, why: str) -> Placement:
    return held(findings, rule=Rule.STAFF, reason=reason, why=why)
