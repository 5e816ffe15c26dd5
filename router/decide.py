"""Where does this message belong? The rules in order; the first that answers has placed it.

Pure: the message, what the store knew when its ids were locked, and the account's policy. Time is the message's
received time, so that two days of lag move no window.
"""

from collections.abc import Callable
from typing import Final

from router.findings import Findings, search
from router.gates import Case
from router.incoming import Incoming
from router.placement import Placement
from router.policy import AccountPolicy
from router.rules.by_ids import by_ids, join, linked, stranger, with_held
from router.rules.by_sender import by_sender
from router.rules.kinds import by_kind
from router.rules.rest import automatic, fresh, unmatched
from router.view import View
from schemas.message import Automatic, Kind
from schemas.placement import Rule

RuleFunction = Callable[[Case, Findings], Placement | None]

RULES: Final[tuple[RuleFunction, ...]] = (
    by_kind,  # nobody's request, or unreadable
    by_ids,  # rule 4
    by_sender,  # rule 9
    linked,  # rule 4 refused by gates 3 or 6
    with_held,  # rule 4 found a message that waits itself
    automatic,  # gate 8: a machine's message opens nothing
    stranger,  # rule 4 refused by gate 2
    unmatched,  # rule 10
    fresh,  # rule 11
)


def decide(message: Incoming, view: View, policy: AccountPolicy) -> Placement:
    """Place one message. Changes nothing."""
    case = Case(message=message, view=view, policy=policy)
    findings = search(case)
    answers = (rule(case, findings) for rule in RULES)
    return next(answer for answer in answers if answer is not None)


def decide_again(message: Incoming, view: View, policy: AccountPolicy) -> Placement | None:
    """Place a held message whose original has come, if all gates accept; None leaves it held.

    Only known and quoted ids count here: nobody claimed its sender and subject. Bounces, edits and what cannot be read
    wait for a person.
    """
    inbound = message.message
    if inbound.kind is not Kind.MESSAGE or inbound.automatic in (Automatic.BOUNCE, Automatic.LOOP):
        return None
    case = Case(message=message, view=view, policy=policy, waiting=True)
    findings = search(case)
    if findings.accepted is None:
        return None
    return join(case, findings, findings.accepted, rule=Rule.ORIGINAL_ARRIVED)
