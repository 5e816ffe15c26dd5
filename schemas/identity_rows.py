"""Rows about proofs of identity, and about the links between people that they made."""

from datetime import datetime
from typing import NamedTuple


class ProofRow(NamedTuple):
    """A proof that we gave out, locked. `channel` is where it may be brought; `made_by` an agent's name."""

    digest: bytes
    ticket_id: int
    scope: str
    channel: str
    made_by: str
    expires_at: datetime
    twin: bytes
    used_at: datetime | None


class NewProofRow(NamedTuple):
    """A proof to be kept. The link and the code of one invitation have one `twin`."""

    digest: bytes
    ticket_id: int
    scope: str
    channel: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    twin: bytes


class UsedProofRow(NamedTuple):
    """A proof that was brought in a conversation."""

    twin: bytes
    used_at: datetime
    conversation: bytes


class NewLinkRow(NamedTuple):
    """Somebody was proven to be the requester of a ticket."""

    ticket_id: int
    requester_key: bytes
    person_key: bytes
    channel: str
    account: str
    address: str
    name: str
    conversation: bytes
    message_id: int
    made_by: str
    linked_at: datetime


class LinkRow(NamedTuple):
    """A link that stands."""

    id: int
    ticket_id: int
    person_key: bytes
    channel: str
    account: str
    address: str
    name: str
    conversation: bytes
    linked_at: datetime
