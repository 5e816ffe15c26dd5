"""Rows about what we send, and how far it has come; written by the router and by whoever answers a ticket."""

from datetime import datetime
from typing import NamedTuple


class SendRow(NamedTuple):
    """A message of ours to be sent. `recipients` is a JSON list of {address, state, code, reason, at}."""

    message_id: int
    ticket_id: int | None
    account: str
    channel: str
    kind: str
    recipients: str
    due_at: datetime
    created_at: datetime
