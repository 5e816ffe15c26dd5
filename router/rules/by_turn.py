"""The visitor of a live chat makes it a ticket like others: the page may be closed, the answer comes all the same."""

from router.findings import Findings
from router.gates import Case
from router.placement import Placement, noted
from schemas.message import Kind
from schemas.placement import Rule


def by_turn(case: Case, _findings: Findings) -> Placement | None:
    """Turn the conversation's ticket, if its own person asks for it."""
    inbound, talk = case.message.message, case.view.talk(case.message)
    if inbound.kind is not Kind.EVENT or inbound.details.get("turned") is not True or talk is None:
        return None
    ticket = case.view.standing(talk.ticket_id)
    is_theirs = not case.message.anonymous and talk.person_key == case.message.sender
    if ticket is None or not is_theirs or not case.policy.trusts(inbound.verdict.result):
        return None
    why = f"The chat of ticket {ticket.number} was turned into a ticket by its visitor."
    return noted(why=why, rule=Rule.KIND).turning(ticket)
