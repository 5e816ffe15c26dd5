"""Rows about notices: written by the router, taken and settled by whoever sends them."""

from datetime import datetime
from typing import Any, NamedTuple


class NoticeRow(NamedTuple):
    """A message calls for a notice to this address."""

    message_id: int
    ticket_id: int | None
    account: str
    channel: str
    reason: str
    address: str
    address_key: bytes
    created_at: datetime


class TakenNotice(NamedTuple):
    """A due notice under our lock, and the ticket on which its message stands."""

    id: int
    ticket_id: int | None


class DueNotice(NamedTuple):
    """A notice that waits, with what is known of its message now.

    `details` is the rest of the message as stored; `ticket_*` are empty for a message that stands on no ticket.
    """

    id: int
    message_id: int
    account: str
    channel: str
    scope: str
    reason: str
    address: str
    address_key: bytes
    sender_name: str
    subject: str
    received_at: datetime
    state: str
    visibility: str
    details: dict[str, Any]
    ticket_id: int | None
    ticket_number: str
    ticket_status: str


class SpentRow(NamedTuple):
    """How many notices for a reason an address got since the limits' day began."""

    address_key: bytes
    reason: str
    got: int


class SettledNotice(NamedTuple):
    """What became of a notice: `sent` as a message of ours, or `suppressed` and why."""

    id: int
    state: str
    why: str
    send_message_id: int | None
