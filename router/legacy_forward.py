"""Sending a message on to an old desk: the order, whose message is the one that came; its raw bytes go out again."""

from datetime import datetime

from pydantic_core import to_json

from router.incoming import Incoming
from router.outgoing import QUEUED
from schemas.placement import SendKind
from schemas.sending_rows import SendRow


def forward_row(message: Incoming, *, to: str, now: datetime) -> SendRow:
    """Make the order to send a message on, written in the transaction that decides it."""
    inbound = message.message
    recipient = {"address": to, "state": QUEUED, "code": "", "reason": "", "at": None}
    return SendRow(
        message_id=message.id,
        ticket_id=None,
        account=inbound.account,
        channel=inbound.channel,
        kind=SendKind.FORWARD,
        recipients=to_json([recipient]).decode(),
        due_at=now,
        created_at=now,
    )
