"""Rule 5: a ticket of a help desk that was used before. Its number is looked at before our own: ranges collide.

Whatever speaks of an old ticket can be written by anybody, so that it only proposes. Where it goes on is said by a
person, or by the policy `open` for its own requester; until then the account's old desk has its say.
"""

from collections.abc import Iterator
from typing import Final

from router.findings import Findings
from router.gates import GATES, Candidate, Case, Refusal, is_internal, reopens
from router.legacy_desk import LegacyPolicy
from router.legacy_marks import By, Mark, numbers_in_subject
from router.placement import Placement, forwarded, held, joined, opened
from router.policy import SenderMatch
from router.subjects import is_changed
from schemas.legacy import OldTicketRow
from schemas.message import Automatic, InboundMessage, Result, SubjectPrefix
from schemas.placement import Evidence, Gate, HoldReason, Relation, Rule, Source, Visibility

ELSEWHERE: Final = (Gate.FORWARD, Gate.SUBJECT, Gate.CLOSED)
"""Gates whose refusal opens a ticket that follows the refused one."""

IMPORT: Final = "import"
"""How a mail came that somebody took from an archive."""

BY_POLICY: Final = "policy"
"""Who chose, where the policy `open` did."""

REASONS: Final = {
    Gate.PARTICIPANT: HoldReason.STRANGER,
    Gate.SPAM: HoldReason.SPAM,
}


def by_legacy(case: Case, findings: Findings) -> Placement | None:
    """Join where the old ticket goes on, or do what its desk wants of mail that nobody has placed."""
    marks = case.view.old.marks(case.message)
    if not marks or case.message.staff or (not marks[0].number and _is_ours(findings)):
        return None
    if case.message.message.automatic is Automatic.AUTO_REPLY:
        return _machine(case, findings, marks)
    if marks[0].desk.is_its_own(case.message.message.sender.address):
        return _hold(findings, marks[0], f"The old desk {marks[0].desk.name} wrote it.")
    return _goes_on(case, findings, marks) or _nowhere(case, findings, marks[0])


def _goes_on(case: Case, findings: Findings, marks: tuple[Mark, ...]) -> Placement | None:
    """Ask the tickets on which old ones go on; None when nobody has said of any, or only in another scope."""
    first: tuple[Mark, Refusal] | None = None
    for mark, row, candidate in _candidates(case, marks):
        refused = _refusal(case, mark, row, candidate)
        follower = _follower(case, mark, row, candidate) if refused and refused.gate is Gate.CLOSED else None
        if refused is None or follower is not None:
            return _join(case, findings, mark, follower or candidate)
        if refused.gate is Gate.SCOPE:
            findings.refused.append(refused)
        else:
            first = first or (mark, refused)
    return _refused(case, findings, *first) if first else None


def _is_ours(findings: Findings) -> bool:
    """Whether the message is about a ticket of ours, so that a mere domain or address of the old desk says nothing."""
    return findings.accepted is not None or findings.first(*ELSEWHERE, Gate.SPAM) is not None


def evidence(mark: Mark) -> Evidence:
    """Give what spoke for an old ticket: an id of the export is known, all else can be made up."""
    relation = Relation.KNOWN if mark.by is By.IMPORTED else Relation.NONE
    return Evidence(source=Source.LEGACY, relation=relation, shown=mark.shown)


def _machine(case: Case, findings: Findings, marks: tuple[Mark, ...]) -> Placement | None:
    """Join by an id of the export alone: what a machine answers opens nothing, and is not sent on."""
    for mark, row, candidate in _candidates(case, marks):
        if mark.by is By.IMPORTED and _refusal(case, mark, row, candidate) is None:
            return _join(case, findings, mark, candidate)
    return None


def _candidates(case: Case, marks: tuple[Mark, ...]) -> Iterator[tuple[Mark, OldTicketRow, Candidate]]:
    for mark in marks:
        row = case.view.old.rows.get(mark.key)
        named = case.view.ticket(row.ticket_id) if row else None
        ticket = case.view.standing(named.id) if named else None
        if row is not None and ticket is not None:
            yield mark, row, Candidate(ticket, evidence(mark), Rule.LEGACY, named)


def _refusal(case: Case, mark: Mark, row: OldTicketRow, candidate: Candidate) -> Refusal | None:
    """Ask every gate. The old ticket's subject, or its number in the subject, is no new matter."""
    for gate, check in GATES:
        if gate is Gate.SUBJECT and _is_its_subject(case, mark, row):
            continue
        reason = check(case, candidate)
        if reason is None and gate is Gate.PARTICIPANT:
            reason = _stranger(case, row, candidate)
        if reason is None and gate is Gate.VERDICT:
            reason = _guessed(case, candidate)
        if reason is not None:
            return Refusal(candidate, gate, reason)
    return None


def _stranger(case: Case, row: OldTicketRow, candidate: Candidate) -> str | None:
    """Whoever takes an old number first, and names its owner in Cc, must not draw what the owner writes later.

    So a message joins a ticket of its own sender, or of a requester whom it names and who is sent it anyway; and by an
    id of the export also where a person said that the old ticket goes on.
    """
    if case.message.involves(candidate.ticket.requester):
        return None
    if candidate.evidence.relation is Relation.KNOWN and row.chosen_by != BY_POLICY:
        return None
    return "it names an old ticket that goes on there, but does not name the requester"


def _guessed(case: Case, candidate: Candidate) -> str | None:
    if candidate.evidence.relation is Relation.KNOWN or case.policy.sender_match is not SenderMatch.OFF:
        return None
    return "the account joins nothing by what can be guessed"


def _is_its_subject(case: Case, mark: Mark, row: OldTicketRow) -> bool:
    if mark.by is By.SUBJECT or mark.number in numbers_in_subject(mark.desk, case.message.message.subject):
        return True
    return bool(row.subject) and not is_changed(row.subject.casefold(), case.message.message.thread.subject_base)


def _follower(case: Case, mark: Mark, row: OldTicketRow, closed: Candidate) -> Candidate | None:
    followers = (closed._replace(ticket=ticket) for ticket in case.view.open_successors(closed.ticket))
    return next((one for one in followers if _refusal(case, mark, row, one) is None), None)


def _join(case: Case, findings: Findings, mark: Mark, accepted: Candidate) -> Placement:
    ticket, internal = accepted.ticket, is_internal(case, accepted)
    inside = " It belongs to what customers are not shown." if internal else ""
    return joined(
        findings,
        rule=Rule.LEGACY,
        ticket=ticket,
        evidence=accepted.evidence,
        reopened=reopens(case, ticket) and not internal,
        why=f"By {mark.by} it is about {mark.shown}, which goes on in ticket {ticket.number}.{inside}",
        visibility=Visibility.INTERNAL if internal else Visibility.PUBLIC,
    )


def _refused(case: Case, findings: Findings, mark: Mark, refused: Refusal) -> Placement:
    findings.refused.append(refused)
    ticket = refused.candidate.ticket
    why = f"By {mark.by} it is about {mark.shown}, which goes on in ticket {ticket.number}, but {refused.reason}"
    if refused.gate in ELSEWHERE and case.message.message.verdict.result is not Result.FAIL:
        return opened(findings, rule=Rule.LEGACY, why=f"{why}: a new ticket that follows it.", continues=ticket)
    failed = case.message.message.verdict.result is Result.FAIL
    reason = REASONS.get(refused.gate, HoldReason.SUSPICIOUS if failed else HoldReason.LEGACY)
    return held(findings, rule=Rule.LEGACY, reason=reason, why=f"{why}.", evidence=(refused.candidate.evidence,))


def _nowhere(case: Case, findings: Findings, mark: Mark) -> Placement:
    """Hold, send on or open, as a person has said of this old ticket, or as the desk wants."""
    row = case.view.old.rows.get(mark.key)
    about = f"By {mark.by} it is about {mark.shown or mark.desk.name}"
    chosen = row is not None and row.choice == "forward" and bool(mark.desk.forward_to)
    wanted = LegacyPolicy.FORWARD if chosen else mark.desk.wants(case.message.message.received_at)
    refused = None if wanted is LegacyPolicy.HOLD else _caution(case, findings, row, wanted)
    if refused is not None:
        return _hold(findings, mark, f"{about}, but {refused}.")
    if wanted is LegacyPolicy.FORWARD:
        who = "as a person said" if chosen else "which is in charge of it"
        why = f"{about}: sent on to the old desk, {who}."
        return forwarded(findings, why=why, to=mark.desk.forward_to, evidence=evidence(mark))
    if wanted is LegacyPolicy.OPEN:
        binds = mark.key if _may_bind(case, mark, row) else None
        why = f"{about}, and nothing here continues it: a new ticket does."
        return opened(findings, rule=Rule.LEGACY, why=why, evidence=(evidence(mark),), binds=binds)
    return _hold(findings, mark, f"{about}, and nothing here continues it.")


def _caution(case: Case, findings: Findings, row: OldTicketRow | None, wanted: LegacyPolicy) -> str | None:
    """Say why a person must look before this message is sent on or opens a ticket."""
    inbound = case.message.message
    if inbound.verdict.result is Result.FAIL:
        return "the check of its sender failed: somebody else may have written it"
    if any(_bars(refused) for refused in findings.refused):
        return "it answers a message on a ticket in which its sender takes no part"
    if wanted is LegacyPolicy.FORWARD:
        return _not_sent_on(inbound)
    if row is not None and row.requester_key not in (None, case.message.sender):
        return "its sender is not the one who opened it there"
    return None


def _not_sent_on(inbound: InboundMessage) -> str | None:
    if inbound.automatic is not Automatic.NO:
        return "a machine wrote it, and machines' mail is not sent on"
    return "it comes from an archive, and nobody is sent that again" if inbound.envelope.intake == IMPORT else None


def _bars(refused: Refusal) -> bool:
    known = refused.candidate.evidence.relation is Relation.KNOWN
    return known and refused.gate in (Gate.PARTICIPANT, Gate.VERDICT)


def _may_bind(case: Case, mark: Mark, row: OldTicketRow | None) -> bool:
    """Whether the next messages may follow this one: its sender is proven, and nobody else is known to own it.

    Else whoever writes an old number first, in whatever name and with whomever in Cc, would draw its owner's mail.
    """
    inbound = case.message.message
    if not mark.number or case.message.anonymous or inbound.automatic is not Automatic.NO:
        return False
    if row is not None and row.choice is not None:
        return False
    if inbound.thread.subject_prefix is SubjectPrefix.FORWARD:
        return False
    by_id = mark.by is By.IMPORTED and row is not None and row.requester_key == case.message.sender
    return case.policy.trusts(inbound.verdict.result) or by_id


def _hold(findings: Findings, mark: Mark, why: str) -> Placement:
    return held(findings, rule=Rule.LEGACY, reason=HoldReason.LEGACY, why=why, evidence=(evidence(mark),))
