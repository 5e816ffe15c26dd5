"""Rule 9: the sender's one open ticket with the same subject, in the same account, inside a window."""

from typing import Final

from router.findings import Findings
from router.gates import Candidate, Case, Refusal, refusal
from router.incoming import Incoming
from router.placement import Placement, joined
from router.policy import AccountPolicy, SenderMatch
from schemas.message import Automatic, Kind, SubjectPrefix
from schemas.placement import Evidence, Gate, Rule, Source

SEVERAL: Final = "its sender has several open tickets with this subject"


def applies(message: Incoming, policy: AccountPolicy) -> bool:
    """Say whether this message could join by its sender: then its sender-and-subject key is claimed before.

    Never in a conversation, which is its own key, nor for staff, machines' answers, forwards, an empty subject,
    or a sender without the proof that is demanded.
    """
    inbound = message.message
    if policy.sender_match is SenderMatch.OFF or message.anonymous or not inbound.thread.subject_base.strip():
        return False
    if message.conversation is not None:
        return False
    if message.staff or inbound.kind is not Kind.MESSAGE or inbound.automatic not in (Automatic.NO, Automatic.BULK):
        return False
    return inbound.thread.subject_prefix is not SubjectPrefix.FORWARD and policy.trusts(inbound.verdict.result)


def by_sender(case: Case, findings: Findings) -> Placement | None:
    """Join the only open ticket that fits; two that fit are none, and the decision names both."""
    if not applies(case.message, case.policy):
        return None
    received = case.message.message.received_at
    inside = [
        ticket
        for ticket in case.view.open_matches(case.message.match)
        if received - ticket.last_message_at <= case.policy.sender_window
    ]
    candidates = [Candidate(ticket, Evidence(source=Source.SENDER)) for ticket in inside]
    if len(candidates) != 1:
        findings.refused.extend(Refusal(candidate, Gate.AMBIGUOUS, SEVERAL) for candidate in candidates)
        return None
    candidate = candidates[0]
    refused = refusal(case, candidate)
    if refused is not None:
        findings.refused.append(refused)
        return None
    why = f"Its sender has one open ticket with this subject, {candidate.ticket.number}."
    return joined(
        findings, rule=Rule.SENDER, ticket=candidate.ticket, evidence=candidate.evidence, reopened=False, why=why
    )
