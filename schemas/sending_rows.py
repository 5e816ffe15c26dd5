"""Rows about what we send, and how far it has come; written by the router and by whoever answers a ticket."""

from datetime import datetime
from typing import Any, NamedTuple


class SendRow(NamedTuple):
    """A message of ours to be sent. `recipients` is a JSON list of {address, state, code, reason, at}.

    `chat` is the platform's id of the conversation; empty for mail.
    """

    message_id: int
    ticket_id: int | None
    account: str
    channel: str
    kind: str
    recipients: str
    due_at: datetime
    created_at: datetime
    chat: str = ""


class SentRow(NamedTuple):
    """What we sent or shall send, locked, with what its events say of it."""

    message_id: int
    recipients: list[dict[str, Any]]
    sender_address: str
    sender_name: str
    received_at: datetime
    subject: str
    body_text: str
    author: str
    visibility: str


class DeliveryRow(NamedTuple):
    """How far a message of ours has come: all of its recipients, as JSON."""

    message_id: int
    recipients: str
