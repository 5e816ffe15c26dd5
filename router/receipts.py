"""What a platform's receipts make of a message of ours: delivered, seen or failed. Pure.

A state only moves forward: what was seen stays so when "delivered" comes after it, and what failed here never left.
"""

from datetime import datetime
from typing import Any, Final

from router.delivery import DIAGNOSTIC, Delivery
from schemas.message import InboundMessage
from schemas.sending_rows import SentRow

UNDER_WAY: Final = frozenset({"queued", "sent", "unsure", "delayed"})
FOLLOWS: Final = {
    "delivered": UNDER_WAY,
    "seen": UNDER_WAY | {"delivered"},
    "failed": UNDER_WAY,
}
"""Receipt -> the states that it may follow."""


def receipt_of(message: InboundMessage) -> str:
    """Give what a receipt says; empty for what nobody knows."""
    found = message.details.get("receipt")
    return found if isinstance(found, str) and found in FOLLOWS else ""


def is_up_to(message: InboundMessage) -> bool:
    """Whether a receipt covers all that came before in its conversation, too."""
    return message.details.get("up_to") is True


def received(sent: SentRow, receipt: InboundMessage) -> Delivery:
    """Apply a receipt to a message of ours."""
    state, reason = receipt_of(receipt), str(receipt.details.get("reason") or "")[:DIAGNOSTIC]
    at = receipt.sent_at or receipt.received_at
    recipients = [_after(one, state, reason if state == "failed" else "", at) for one in sent.recipients]
    return Delivery(sent=sent, recipients=recipients)


def _after(recipient: dict[str, Any], state: str, reason: str, at: datetime) -> dict[str, Any]:
    if recipient["state"] not in FOLLOWS.get(state, frozenset()):
        return recipient
    return {**recipient, "state": state, "code": "", "reason": reason, "at": at.isoformat()}
