"""Where does this message belong? The rules in order; the first that answers has placed it.

Pure: the message, what the store knew when its ids were locked, and the account's policy. Time is the message's
received time, so that two days of lag move no window.

Rules 2 to 8 propose candidates (`router/proposals.py`), each of which passes every gate (`router/gates.py`) or is as if
it had not been named.
"""

from typing import Final

from router.findings import Findings, search
from router.gates import Case
from router.incoming import Incoming
from router.placement import Placement
from router.policy import AccountPolicy
from router.rules.by_change import by_album, by_edit
from router.rules.by_conversation import by_conversation
from router.rules.by_echo import by_echo
from router.rules.by_ids import by_ids
from router.rules.by_legacy import by_legacy
from router.rules.by_proof import by_opening, by_proof
from router.rules.by_receipt import by_receipt
from router.rules.by_report import by_report
from router.rules.by_sender import by_sender
from router.rules.by_staff import by_staff
from router.rules.by_subject_tag import by_subject_tag
from router.rules.by_token import by_body_token, by_reply_token, by_signed_id
from router.rules.by_turn import by_turn
from router.rules.joining import RuleFunction, join
from router.rules.kinds import by_kind
from router.rules.own_mail import is_own, our_own
from router.rules.refused import linked, stranger, with_held
from router.rules.rest import automatic, fresh, unmatched
from router.view import View
from schemas.message import Automatic, Kind
from schemas.placement import Outcome, Rule

RULES: Final[tuple[RuleFunction, ...]] = (
    by_receipt,  # what it says of our messages concerns no other rule
    by_turn,  # somebody in a live chat waits no longer
    by_opening,  # who somebody is, told without words
    by_kind,  # nobody's request, or unreadable
    by_echo,  # what was written in our own name
    by_edit,  # what changes a message is none of its own
    by_album,  # a later part of a message, too
    our_own,  # rule 1
    by_report,  # rule 7: what it says of our mail concerns no other rule
    by_staff,  # an agent's mail is no customer's
    by_proof,  # who somebody is on another channel
    by_reply_token,  # rule 2
    by_signed_id,  # rule 3
    by_ids,  # rule 4; in a conversation, an explicit reply
    by_conversation,  # the ticket of this account, chat and person
    by_legacy,  # rule 5: before our own subject tag, because number ranges collide
    by_subject_tag,  # rule 6
    by_body_token,  # rule 8
    by_sender,  # rule 9
    linked,  # a ticket was named and gates 3, 6 or 7 refused it
    with_held,  # rule 4 found a message that waits itself
    automatic,  # gate 8: a machine's message opens nothing
    stranger,  # a known ticket was named and gate 2 refused it
    unmatched,  # rule 10
    fresh,  # rule 11
)


def decide(message: Incoming, view: View, policy: AccountPolicy, *, waiting: bool = False) -> Placement:
    """Place one message. Changes nothing. `waiting` says that it was held before, and is looked at again."""
    case = Case(message=message, view=view, policy=policy, waiting=waiting)
    findings = search(case)
    for rule in RULES:
        answer = rule(case, findings)
        if answer is not None:
            return answer
    raise LookupError("the last rule answers always")


def decide_again(message: Incoming, view: View, policy: AccountPolicy) -> Placement | None:
    """Place a held message whose original has come, if all gates accept; None leaves it held.

    Only ids and signed tokens count here: nobody claimed its sender and subject. An edit changes its original. Bounces,
    staff's mail and what cannot be read wait for a person.
    """
    case = Case(message=message, view=view, policy=policy, waiting=True)
    if message.message.kind is Kind.EDIT:
        edit = by_edit(case, Findings())
        return edit if edit is not None and edit.outcome is Outcome.NOTED else None
    if not _may_be_released(case):
        return None
    findings = search(case)
    if findings.accepted is None or findings.accepted.rule in (Rule.SUBJECT_TAG, Rule.CONVERSATION):
        return None
    return join(case, findings, findings.accepted, rule=Rule.ORIGINAL_ARRIVED)


def _may_be_released(case: Case) -> bool:
    inbound = case.message.message
    if inbound.kind is not Kind.MESSAGE or inbound.automatic in (Automatic.BOUNCE, Automatic.LOOP):
        return False
    return not case.message.staff and not is_own(case.message)
