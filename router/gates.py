"""Gates: what a proposed ticket must pass before a message joins it, in order. An id proposes, gates decide.

A gate says nothing when it lets the candidate pass, else why not. `CLOSED` is the last one: whoever meets it has passed
every other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from router.incoming import Incoming
from router.policy import AccountPolicy, SenderMatch
from router.proposals import named_messages
from router.subjects import is_changed
from router.view import Ticket, View
from schemas.message import Automatic, Result, SubjectPrefix
from schemas.placement import SPAM, Evidence, Gate, Rejected, Relation, Rule, Visibility

DAY: Final = 24

SIGNED: Final = (Rule.REPLY_TOKEN, Rule.SIGNED_ID, Rule.BODY_TOKEN)


class Candidate(NamedTuple):
    """A ticket that a rule proposes, with its evidence.

    `named` is the ticket that was meant, if that one was merged into `ticket`. `taught`: an operator put a message of
    the same sender with the same id there.
    """

    ticket: Ticket
    evidence: Evidence
    rule: Rule = Rule.IDS
    named: Ticket | None = None
    taught: bool = False

    def question(self, case: "Case") -> tuple[object, ...]:
        """Give all that gates look at: the same question has the same answer."""
        named = None if self.named is None else self.named.id
        proven = self.rule in SIGNED or case.answers_itself(self.evidence)
        inside = case.view.is_internal(self.evidence.message_id)
        return self.ticket.id, named, self.evidence.relation, proven, self.taught, inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What every rule and gate is asked about: a message, what the store knows, what the account wants.

    `waiting` says that the message has been held, and that the one whose id it quotes has only now come onto a ticket.
    """

    message: Incoming
    view: View
    policy: AccountPolicy
    waiting: bool = False

    def answers_itself(self, evidence: Evidence) -> bool:
        """Whether the proposing message was written by the same sender."""
        found = self.view.messages.get(evidence.message_id or 0)
        return found is not None and found.sender_key == self.message.sender

    @property
    def is_machine(self) -> bool:
        """Whether a machine answered: it reopens nothing, and its subject is its own."""
        return self.message.message.automatic in (Automatic.AUTO_REPLY, Automatic.BOUNCE)


class Refusal(NamedTuple):
    """A candidate and the gate that refused it."""

    candidate: Candidate
    gate: Gate
    reason: str

    def shown(self) -> Rejected:
        """Give it as it is stored with the decision. A ticket of another scope is not named to this one's people."""
        number = "" if self.gate is Gate.SCOPE else self.candidate.ticket.number
        return Rejected(ticket=number, gate=self.gate, evidence=self.candidate.evidence, reason=self.reason)


def scope(case: Case, candidate: Candidate) -> str | None:
    """Gate 1: ids and senders mean nothing outside the scope."""
    if candidate.ticket.scope == case.message.message.scope:
        return None
    return "the ticket belongs to accounts that share nothing with this one"


def participant(case: Case, candidate: Candidate) -> str | None:
    """Gate 2, first half: only who takes part in the ticket may write on it.

    Whoever quotes an id must not draw what its owner writes, nor whoever takes an id what was written before and waits:
    in both cases a message joins only a ticket of its own sender, or of a requester whom it names, and who was sent it
    anyway.
    """
    if case.message.anonymous or case.message.sender not in candidate.ticket.members:
        return "its sender takes no part in that ticket"
    if case.message.involves(candidate.ticket.requester) or candidate.taught:
        return None
    if candidate.evidence.relation is Relation.QUOTED:
        return "it only quotes an id that the ticket quotes, and does not name its requester"
    if case.waiting and candidate.rule not in SIGNED and not case.answers_itself(candidate.evidence):
        return "it was here before what it answers, and does not name the ticket's requester"
    return None


def verdict(case: Case, candidate: Candidate) -> str | None:
    """Gate 2, second half: a failed check is nobody; without one only a known or signed id will do.

    Where the account lets any sender match, nothing but a failed check is asked.
    """
    result = case.message.message.verdict.result
    if result is Result.FAIL:
        return "the check of its sender failed: somebody else may have written it"
    if candidate.rule is Rule.SUBJECT_TAG and case.policy.sender_match is SenderMatch.OFF:
        return "the account joins nothing by what can be guessed"
    if candidate.evidence.relation is Relation.KNOWN or case.policy.trusts(result):
        return None
    return "nothing proves its sender, and the ticket's own ids are not in it"


def forward(case: Case, _candidate: Candidate) -> str | None:
    """Gate 3, first half: what somebody forwards is a matter of its own."""
    if case.message.message.thread.subject_prefix is SubjectPrefix.FORWARD:
        return "it is a forward"
    return None


def subject(case: Case, candidate: Candidate) -> str | None:
    """Gate 3, second half: a new subject is a new matter. A machine writes its own subject.

    Of a merged ticket the subject of either will do, and where an operator put it the subject does not matter.
    """
    theirs = case.message.message.thread.subject_base
    ours = {ticket.subject_base for ticket in (candidate.named, candidate.ticket) if ticket is not None}
    if case.is_machine or candidate.taught or not all(is_changed(subject_base, theirs) for subject_base in ours):
        return None
    return "its subject is another one"


def spam(_case: Case, candidate: Candidate) -> str | None:
    """Gate 7: what was called spam gets no messages by itself."""
    return "the ticket was called spam" if candidate.ticket.status == SPAM else None


def closed(case: Case, candidate: Candidate) -> str | None:
    """Gate 6: a ticket closed for longer than the reopen window stays closed; in a conversation, the idle window.

    Machines and what customers are not shown reopen nothing (gates 8 and 4), and may join.
    """
    closed_at = candidate.ticket.closed_at
    if closed_at is None or case.is_machine or is_internal(case, candidate):
        return None
    inbound = case.message.message
    window = case.policy.reopen_window if case.message.conversation is None else case.policy.idle_for(inbound.channel)
    if inbound.received_at - closed_at <= window:
        return None
    return f"the ticket was closed more than {_shown(window)} before"


def _shown(window: timedelta) -> str:
    hours = window.total_seconds() / 3600
    return f"{window.days} days" if hours >= 2 * DAY else f"{hours:g} hours"


def own_people(case: Case, candidate: Candidate) -> str | None:
    """Gate 2 in a conversation: whoever writes in a group takes part in what began there, and no id leads out of it."""
    message = case.message
    if message.anonymous:
        return "nobody says who wrote it"
    elsewhere = in_conversation(case, candidate)
    if elsewhere is not None:
        return elsewhere
    in_its_group = message.is_group and candidate.ticket.conversation == message.conversation
    if in_its_group or message.sender in candidate.ticket.members:
        return None
    return "its sender takes no part in that ticket"


def in_conversation(case: Case, candidate: Candidate) -> str | None:
    """Let an id lead to what was said in the same conversation alone."""
    found = case.view.messages.get(candidate.evidence.message_id or 0)
    is_here = found is not None and found.conversation == case.message.conversation
    return None if candidate.rule is not Rule.IDS or is_here else "it answers a message of another conversation"


def proven(case: Case, _candidate: Candidate) -> str | None:
    """Gate 2 in a conversation, second half: ids of chats are no secret, so the platform itself must vouch for it."""
    result = case.message.message.verdict.result
    return None if case.policy.trusts(result) else "nothing proves that it was written in that conversation"


GateCheck = Callable[[Case, Candidate], str | None]

GATES: Final[tuple[tuple[Gate, GateCheck], ...]] = (
    (Gate.SCOPE, scope),
    (Gate.PARTICIPANT, participant),
    (Gate.VERDICT, verdict),
    (Gate.FORWARD, forward),
    (Gate.SUBJECT, subject),
    (Gate.SPAM, spam),
    (Gate.CLOSED, closed),
)


TALK_GATES: Final[tuple[tuple[Gate, GateCheck], ...]] = (
    (Gate.SCOPE, scope),
    (Gate.PARTICIPANT, own_people),
    (Gate.VERDICT, proven),
    (Gate.SPAM, spam),
    (Gate.CLOSED, closed),
)
"""Those of a conversation: it has no subject, and nothing is forwarded into it."""


def refusal(case: Case, candidate: Candidate) -> Refusal | None:
    """Ask every gate in order; None means that the message may join."""
    return refused_by(GATES if case.message.conversation is None else TALK_GATES, case, candidate)


def refused_by(gates: Sequence[tuple[Gate, GateCheck]], case: Case, candidate: Candidate) -> Refusal | None:
    """Ask some gates in order."""
    for gate, check in gates:
        reason = check(case, candidate)
        if reason is not None:
            return Refusal(candidate, gate, reason)
    return None


def is_internal(case: Case, candidate: Candidate) -> bool:
    """Gate 4: what belongs to an internal message of the ticket is internal, and so is what an insider writes."""
    if case.message.sender in candidate.ticket.insiders or case.view.is_internal(candidate.evidence.message_id):
        return True
    return any(
        found.visibility == Visibility.INTERNAL and case.view.standing(found.ticket_id) is candidate.ticket
        for found in named_messages(case.message, case.view)
    )


def reopens(case: Case, ticket: Ticket) -> bool:
    """Whether joining this ticket opens it again."""
    return ticket.closed_at is not None and not case.is_machine
