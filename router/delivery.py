"""How far a message of ours has come, told by delivery reports (RFC 3464). Pure.

A report names a person, or it does not: then it is about the only one to whom we sent, or nobody can say about whom. A
final state stays, but for this: what was delivered may still come back, and what failed here has never left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.events import RecipientState
from schemas.message import Action, DeliveryReport, OtherRecipient
from schemas.sending_rows import SentRow

STATES: Final = {Action.FAILED: "bounced", Action.DELAYED: "delayed", Action.DELIVERED: "delivered"}
"""What a report makes of a recipient; relayed and expanded mails went where nobody reports."""

OVERRULES: Final = {
    "bounced": frozenset({"queued", "sent", "unsure", "delayed", "delivered"}),
    "delivered": frozenset({"queued", "sent", "unsure", "delayed"}),
    "delayed": frozenset({"queued", "sent"}),
}
"""State -> the states that it may follow."""

DIAGNOSTIC: Final = 500
"""Letters kept of another system's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The states of all recipients of a message of ours after a report."""

    sent: SentRow
    recipients: Sequence[dict[str, Any]]

    @property
    def changed(self) -> bool:
        """Whether the report said anything new."""
        return list(self.recipients) != self.sent.recipients

    def states(self) -> tuple[RecipientState, ...]:
        """Give them as events tell them."""
        return tuple(RecipientState.model_validate(recipient) for recipient in self.recipients)


def reported(sent: SentRow, report: DeliveryReport, at: datetime) -> Delivery | None:
    """Apply a report to a message of ours; None when nobody can say which recipient it is about.

    It may tell of several recipients, of each something else; whom it does not name stays as they are.
    """
    all_told: tuple[DeliveryReport | OtherRecipient, ...] = (report, *report.others)
    about = [(_named(sent, told), told) for told in all_told]
    if all(place is None for place, _ in about):
        if len(sent.recipients) != 1:
            return None
        about = [(0, report)]
    recipients = list(sent.recipients)
    for place, told in about:
        if place is not None:
            recipients[place] = _after(recipients[place], told, at)
    return Delivery(sent=sent, recipients=recipients)


def _named(sent: SentRow, told: DeliveryReport | OtherRecipient) -> int | None:
    """Give the place of the recipient that is named."""
    named = told.recipient.strip().lower()
    addresses = [str(one["address"]).strip().lower() for one in sent.recipients]
    return addresses.index(named) if named in addresses else None


def _after(recipient: dict[str, Any], report: DeliveryReport | OtherRecipient, at: datetime) -> dict[str, Any]:
    state = STATES.get(report.action)
    if state is None or recipient["state"] not in OVERRULES[state]:
        return recipient
    reason = report.diagnostic[:DIAGNOSTIC]
    return {**recipient, "state": state, "code": report.status, "reason": reason, "at": at.isoformat()}
