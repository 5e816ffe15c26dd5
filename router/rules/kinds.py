"""Before any rule: kinds of messages that are nobody's request, or that nobody could read."""

from router.findings import Findings
from router.gates import Case
from router.placement import Placement, held, noted
from schemas.message import Automatic, Kind
from schemas.placement import HoldReason, Rule

NOTED = {
    Kind.RECEIPT: "It only says that something was delivered or read.",
    Kind.MEMBERSHIP: "It only says that somebody came or went.",
    Kind.EVENT: "It only tells something that nobody wrote.",
}


def by_kind(case: Case, findings: Findings) -> Placement | None:
    """Note what asks for nothing; hold what cannot be read."""
    message = case.message.message
    if message.kind in NOTED:
        return noted(why=NOTED[message.kind])
    if message.kind is Kind.UNDECODABLE:
        return _held(findings, HoldReason.UNDECODABLE, "It could not be decoded; the raw delivery is kept.")
    if message.automatic is Automatic.LOOP:
        return noted(why="It is a message of our own that came back.")
    return None


def _held(findings: Findings, reason: HoldReason, why: str) -> Placement:
    return held(findings, rule=Rule.KIND, reason=reason, why=why)
