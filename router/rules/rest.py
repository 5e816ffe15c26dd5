"""Rules 10 and 11: what matched nothing is held or opens a ticket, as the account wants."""

from router.findings import Findings
from router.gates import Case
from router.placement import Placement, held, opened
from router.policy import Otherwise, Takes
from schemas.message import Automatic, SubjectPrefix
from schemas.placement import HoldReason, Rule


def is_reply(case: Case) -> bool:
    """Whether it claims to answer something: ids of other messages, or a reply prefix; a forward answers nothing."""
    prefix = case.message.message.thread.subject_prefix
    return prefix is SubjectPrefix.REPLY or (prefix is SubjectPrefix.NONE and bool(case.message.quoted))


def automatic(case: Case, findings: Findings) -> Placement | None:
    """Hold a machine's message that belongs to no ticket; by policy one that answers nothing may open a ticket."""
    if case.message.message.automatic is not Automatic.AUTO_REPLY:
        return None
    if case.policy.automatic is Otherwise.NEW and not is_reply(case):
        return None
    why = "It was sent by a machine and belongs to no ticket."
    return held(findings, rule=Rule.UNMATCHED, reason=HoldReason.AUTOMATIC, why=why)


def unmatched(case: Case, findings: Findings) -> Placement | None:
    """Rule 10: a reply to something that nobody here knows. In a conversation it still belongs to that one."""
    if case.message.conversation is not None or not is_reply(case) or case.policy.unmatched is not Otherwise.HOLD:
        return None
    why = "It is a reply, but nothing here matches what it answers."
    return held(findings, rule=Rule.UNMATCHED, reason=HoldReason.UNMATCHED, why=why)


def fresh(case: Case, findings: Findings) -> Placement:
    """Rule 11: a new ticket, or held where the account takes replies only."""
    if case.policy.takes is Takes.REPLIES:
        why = "It is no reply to a ticket, and this account takes replies only."
        return held(findings, rule=Rule.NEW, reason=HoldReason.REPLIES_ONLY, why=why)
    if case.message.conversation is not None:
        return opened(findings, rule=Rule.NEW, why="Its conversation has no ticket yet.")
    rule = Rule.UNMATCHED if is_reply(case) else Rule.NEW
    why = "It is a reply, but nothing here matches what it answers." if is_reply(case) else "It is a new request."
    return opened(findings, rule=rule, why=why)
