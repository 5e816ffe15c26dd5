"""Rule 7: what a delivery report says of a message of ours. It never reopens, and is never a customer's message.

Only the token of that message makes a report count: whoever has it was sent the message. Reports come back to the
message's own reply address, or name its id. A report about nothing that we know of is held, so that a person sees it;
so is one that does not say which of several recipients it is about, and one that says nothing about delivery at all:
whoever's system leaves MAIL FROM empty may have written anything.
"""

from collections.abc import Iterator

from router.delivery import Delivery, reported
from router.findings import Findings
from router.found import ADDRESSES, ANSWERED
from router.gates import Case
from router.incoming import Incoming
from router.placement import Placement, held, noted
from router.tokens import opened_mark
from schemas.message import Automatic, DeliveryReport, TokenPlace
from schemas.placement import Evidence, HoldReason, Relation, Rule, Source
from schemas.sending_rows import SentRow

PLACES = (TokenPlace.REPORT, *ADDRESSES, *ANSWERED)


def reported_messages(message: Incoming) -> Iterator[int]:
    """Give the messages of ours that a report may be about, the likeliest first."""
    if message.message.report is not None:
        for token in message.tokens.at(PLACES):
            yield token.claim.message_id


def _meant(case: Case) -> Iterator[SentRow]:
    """Give the messages of ours that its tokens were made for: after a restore numbers are given again."""
    for token in case.message.tokens.at(PLACES):
        sent, claim = case.view.sent.get(token.claim.message_id), token.claim
        found = case.view.messages.get(claim.message_id)
        if sent is None or found is None:
            continue
        ticket = case.view.ticket(found.ticket_id)
        mark = None if ticket is None else (ticket.id, opened_mark(ticket.created_at))
        if mark == (claim.ticket_id, claim.opened) or found.own_digest in token.own_digests:
            yield sent


def by_report(case: Case, findings: Findings) -> Placement | None:
    """Change the delivery state of the message that a report names; hold a bounce that names none."""
    report = case.message.message.report
    sent = next(_meant(case), None)
    if report is None or sent is None:
        return _unknown(case, findings)
    evidence = Evidence(source=Source.REPORT, relation=Relation.KNOWN, message_id=sent.message_id)
    if not _tells(report):
        why = "It came as a report about a mail of ours, but says nothing about its delivery."
        return held(findings, rule=Rule.REPORT, reason=HoldReason.BOUNCE, why=why, evidence=(evidence,))
    delivery = reported(sent, report, case.message.message.received_at)
    if delivery is None:
        why = "It says that a mail of ours could not be delivered, but not to which of its recipients."
        return held(findings, rule=Rule.REPORT, reason=HoldReason.BOUNCE, why=why, evidence=(evidence,))
    return noted(why=_why(delivery), rule=Rule.REPORT, evidence=(evidence,), delivery=delivery)


def _tells(report: DeliveryReport) -> bool:
    """Whether it says what became of a mail: a code, a system's words, or the mail itself that came back."""
    return bool(report.status or report.diagnostic or report.originals)


def _why(delivery: Delivery) -> str:
    if not delivery.changed:
        return "It reports about a message of ours what is known already, or nothing that matters."
    changed = [
        str(now["state"]) for was, now in zip(delivery.sent.recipients, delivery.recipients, strict=True) if was != now
    ]
    return f"It reports about a message of ours: {', '.join(changed)}."


def _unknown(case: Case, findings: Findings) -> Placement | None:
    if case.message.message.automatic is not Automatic.BOUNCE:
        return None
    why = "It says that a mail could not be delivered, but names no message of ours."
    return held(findings, rule=Rule.KIND, reason=HoldReason.BOUNCE, why=why)
