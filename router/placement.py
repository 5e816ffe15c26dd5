"""What a rule answers: where the message goes, and the words for it."""

from dataclasses import dataclass, replace

from router.delivery import Delivery
from router.findings import Findings
from router.view import Ticket
from schemas.identity_rows import ProofRow
from schemas.legacy import OldKey
from schemas.placement import Author, Decision, Evidence, HoldReason, Outcome, Rule, Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Amends:
    """Which message a placement changes. `part` is the digest of the edited part's id; empty: a part is added."""

    message_id: int
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One answer. `ticket` is the one to join; `continues` the one that a new ticket follows.

    `sends_on` says that it goes to the customer, too: an agent wrote it. `delivery` is what a report says of a message
    of ours.
    `amends` is a message that this one changes or completes, `deliveries` what receipts say of messages of ours.
    `is_ours` is the message of ours that came back, `turns` a live chat that becomes a ticket like others,
    `proves` the proof of who its sender is, and `proves_on` the ticket for which it was made.
    `binds` is an old ticket (rule 5) that goes on in the new one from now; `forward_to` the old desk's address.
    """

    decision: Decision
    ticket: Ticket | None = None
    continues: Ticket | None = None
    author: Author = Author.CUSTOMER
    visibility: Visibility = Visibility.PUBLIC
    sends_on: bool = False
    delivery: Delivery | None = None
    deliveries: tuple[Delivery, ...] = ()
    amends: Amends | None = None
    is_ours: int | None = None
    turns: Ticket | None = None
    proves: ProofRow | None = None
    proves_on: Ticket | None = None
    binds: OldKey | None = None
    forward_to: str = ""

    @property
    def outcome(self) -> Outcome:
        """What becomes of the message."""
        return self.decision.outcome

    def amending(self, amends: Amends) -> "Placement":
        """Give it as something that changes another message."""
        return replace(self, amends=amends)

    def being(self, message_id: int) -> "Placement":
        """Give it as a message of ours that came back: its own id is that one's."""
        return replace(self, is_ours=message_id)

    def turning(self, ticket: Ticket) -> "Placement":
        """Give it with a live chat that becomes a ticket like others."""
        return replace(self, turns=ticket)

    def proving(self, row: ProofRow, ticket: Ticket) -> "Placement":
        """Give it with the proof of who its sender is: the requester of this ticket."""
        return replace(self, proves=row, proves_on=ticket)

    def receiving(self, deliveries: tuple[Delivery, ...]) -> "Placement":
        """Give it with what it says of messages of ours."""
        return replace(self, deliveries=deliveries)

    def by_agent(self, *, sends_on: bool = False, requester: str = "") -> "Placement":
        """Give it as an agent's; `requester` is who may really have asked."""
        decision = self.decision.model_copy(update={"requester": requester}) if requester else self.decision
        return replace(self, decision=decision, author=Author.AGENT, sends_on=sends_on)


def joined(
    findings: Findings,
    *,
    rule: Rule,
    ticket: Ticket,
    evidence: Evidence,
    reopened: bool,
    why: str,
    visibility: Visibility = Visibility.PUBLIC,
) -> Placement:
    """Put the message on a ticket."""
    decision = Decision(
        rule=rule,
        outcome=Outcome.JOINED,
        ticket=ticket.number,
        reopened=reopened,
        evidence=(evidence,),
        rejected=findings.rejected(),
        suggestions=findings.suggestions(beside=ticket),
        explanation=f"{why} The ticket was opened again." if reopened else why,
    )
    return Placement(decision=decision, ticket=ticket, visibility=visibility)


def opened(
    findings: Findings,
    *,
    rule: Rule,
    why: str,
    continues: Ticket | None = None,
    evidence: tuple[Evidence, ...] = (),
    binds: OldKey | None = None,
) -> Placement:
    """Open a ticket for the message; its number is filled in when there is one."""
    decision = Decision(
        rule=rule,
        outcome=Outcome.OPENED,
        continues=continues.number if continues else "",
        evidence=evidence,
        rejected=findings.rejected(),
        suggestions=findings.suggestions(beside=continues),
        explanation=why,
    )
    return Placement(decision=decision, continues=continues, binds=binds)


def held(
    findings: Findings, *, rule: Rule, reason: HoldReason, why: str, evidence: tuple[Evidence, ...] = ()
) -> Placement:
    """Let the message wait for an operator."""
    suggestions = findings.suggestions(beside=None)
    decision = Decision(
        rule=rule,
        outcome=Outcome.HELD,
        hold=reason,
        evidence=evidence,
        rejected=findings.rejected(),
        suggestions=suggestions,
        explanation=why,
    )
    return Placement(decision=decision)


def forwarded(
    findings: Findings, *, why: str, to: str, evidence: Evidence | None = None, rule: Rule = Rule.LEGACY
) -> Placement:
    """Send the message on to the old desk; here it is kept and counted."""
    decision = Decision(
        rule=rule,
        outcome=Outcome.FORWARDED,
        evidence=(evidence,) if evidence else (),
        rejected=findings.rejected(),
        explanation=why,
    )
    return Placement(decision=decision, forward_to=to)


def discarded(findings: Findings, *, why: str) -> Placement:
    """Take a held message out of the spool; a person wants it on no ticket."""
    decision = Decision(rule=Rule.OPERATOR, outcome=Outcome.DISCARDED, rejected=findings.rejected(), explanation=why)
    return Placement(decision=decision)


def noted(
    *, why: str, rule: Rule = Rule.KIND, evidence: tuple[Evidence, ...] = (), delivery: Delivery | None = None
) -> Placement:
    """Keep and count the message; it is nobody's request."""
    decision = Decision(rule=rule, outcome=Outcome.NOTED, evidence=evidence, explanation=why)
    return Placement(decision=decision, delivery=delivery)
