"""What was written in our own name and comes back: by us, or by an agent in the platform's own app.

What we sent is noted. What an agent wrote there stands on the conversation's ticket as an agent's answer; it has
reached the customer already and is never sent again, and it reopens nothing.
"""

from typing import Final

from router.echoes import is_echo, ours
from router.findings import Findings, search
from router.gates import Candidate, Case, GateCheck, Refusal, in_conversation, refused_by, scope, spam
from router.outgoing import OUT
from router.placement import Placement, held, joined, noted
from schemas.placement import Evidence, Gate, HoldReason, Relation, Rule, Source

GATES: Final[tuple[tuple[Gate, GateCheck], ...]] = (
    (Gate.SCOPE, scope),
    (Gate.PARTICIPANT, in_conversation),
    (Gate.SPAM, spam),
)
OURS: Final = "It is a message of our own that came back."
NOWHERE: Final = "It was written in our name in the platform's own app, in a conversation that has no ticket."
UNPROVEN: Final = "It claims to be written in our name, and nothing proves it."


def ask_agent(case: Case, candidate: Candidate) -> Refusal | None:
    """Ask the gates that hold for agents: they take part in no ticket."""
    return refused_by(GATES, case, candidate)


def by_echo(case: Case, findings: Findings) -> Placement | None:
    """Tell our own message that came back from one that an agent wrote elsewhere."""
    if not is_echo(case.message):
        return None
    if not case.policy.trusts(case.message.message.verdict.result):
        return held(findings, rule=Rule.ECHO, reason=HoldReason.SUSPICIOUS, why=UNPROVEN)
    own = _ours(case)
    if own is not None:
        evidence = Evidence(source=Source.ECHO, relation=Relation.KNOWN, message_id=own)
        return noted(why=OURS, rule=Rule.ECHO, evidence=(evidence,)).being(own)
    found = search(case, ask_agent)
    if found.accepted is None:
        return noted(why=NOWHERE, rule=Rule.ECHO)
    ticket = found.accepted.ticket
    why = f"An agent wrote it in the platform's own app, in the conversation of ticket {ticket.number}."
    placement = joined(found, rule=Rule.ECHO, ticket=ticket, evidence=found.accepted.evidence, reopened=False, why=why)
    return placement.by_agent()


def _ours(case: Case) -> int | None:
    """Give the message of ours that this one is."""
    owner = case.view.owner_of_own(case.message)
    if owner is not None and owner.id != case.message.id:
        return owner.id if owner.direction == OUT else None
    return ours(case.message, case.view)
