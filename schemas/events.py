"""Ticket events on `switchboard.tickets`: CloudEvents 1.0, structured mode (`application/cloudevents+json`).

A consumer drops by `id` (the same over all retries) and orders by `data.sequence` (the ticket's version).
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.base import MAX_INTEGER, Wire
from schemas.message import Automatic, BlobRef, File, Kind, Name, Party, Verdict
from schemas.placement import Author, Visibility

CONTENT_TYPE: Final = b"application/cloudevents+json; charset=UTF-8"

DATA_SCHEMA: Final = "urn:switchboard:ticket-event:1"

TicketNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]
"""Public number: nine digits and a check digit (ISO 7064 MOD 11,10), not guessable from another ticket's."""


SHARDS: Final = 16
"""Shards of tickets in the outbox; one relay at a time publishes a shard, so a ticket's events keep their order."""


class EventType(StrEnum):
    """Kinds of ticket events. `ticket.redacted` is reserved until something emits it."""

    CREATED = "ticket.created"
    MESSAGE_ADDED = "ticket.message_added"
    MESSAGE_REVISED = "ticket.message_revised"
    MESSAGE_MOVED = "ticket.message_moved"
    DELIVERY_CHANGED = "ticket.delivery_changed"
    MERGED = "ticket.merged"
    STATUS_CHANGED = "ticket.status_changed"
    REDACTED = "ticket.redacted"


class TicketSnapshot(Wire):
    """The ticket as it stands after the event."""

    number: TicketNumber
    scope: Name
    account: Name
    channel: Name
    subject: str = ""
    status: str
    requester: Party
    created_at: AwareDatetime
    message_count: int = Field(ge=0, le=MAX_INTEGER)
    continues: TicketNumber | None = Field(default=None, description="the closed or other ticket this one follows")
    merged_into: TicketNumber | None = Field(default=None, description="the ticket on which this one goes on")
    live: bool | None = Field(default=None, description="true: a chat in which somebody waits for an answer now")


class EventMessage(Wire):
    """The message that the event is about. Long text is in the blob store."""

    id: int
    kind: Kind = Kind.MESSAGE
    direction: Literal["in", "out"] = "in"
    sender: Party
    received_at: AwareDatetime
    subject: str = ""
    text: str = ""
    text_overflow: BlobRef | None = None
    files: tuple[File, ...] = ()
    automatic: Automatic = Automatic.NO
    verdict: Verdict = Verdict()
    author: Author = Author.CUSTOMER
    visibility: Visibility = Field(default=Visibility.PUBLIC, description="show customers public messages alone")
    rule: str = Field(default="", description="the rule that placed it")


class RecipientState(Wire):
    """How far a message of ours has come to one recipient."""

    address: str
    state: str = Field(
        default="queued", description="queued, sent, published, unsure, delayed, delivered, seen, failed, bounced"
    )
    code: str = Field(default="", description="SMTP or enhanced status code")
    reason: str = Field(default="", description="for people")


class EventData(Wire):
    """Payload of every ticket event."""

    sequence: int = Field(ge=1, le=MAX_INTEGER, description="the ticket's version; rises by one an event")
    ticket: TicketSnapshot
    message: EventMessage | None = None
    delivery: tuple[RecipientState, ...] = Field(default=(), description="delivery_changed: of every recipient")
    other: TicketNumber | None = Field(default=None, description="message_moved: where it came from, or went to")
    previous_status: str | None = None
    status_reason: str | None = None


class TicketEvent(Wire):
    """One CloudEvent (https://github.com/cloudevents/spec, version 1.0.2)."""

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str = Field(description="/switchboard/<instance id>")
    type: EventType
    subject: TicketNumber
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str = DATA_SCHEMA
    data: EventData

    @classmethod
    def about(
        cls,
        ticket: TicketSnapshot,
        *,
        type: EventType,  # noqa: A002 - the attribute's name in CloudEvents
        id: UUID,  # noqa: A002 - the attribute's name in CloudEvents
        source: str,
        time: datetime,
        sequence: int,
        message: EventMessage | None = None,
        previous_status: str | None = None,
        status_reason: str | None = None,
    ) -> Self:
        """Build an event. `id` is the outbox row's own, so that every retry carries the same one."""
        data = EventData(
            sequence=sequence,
            ticket=ticket,
            message=message,
            previous_status=previous_status,
            status_reason=status_reason,
        )
        return cls(id=id, source=source, type=type, subject=ticket.number, time=time, data=data)

    def text(self) -> str:
        """Give the event as the JSON text that stands in the outbox and goes out unchanged."""
        return self.model_dump_json(exclude_none=True)

    def envelope(self) -> dict[str, Any]:
        """Give the event as plain JSON values, as it stands on the topic."""
        return self.model_dump(mode="json", exclude_none=True)


def shard_of(ticket_id: int) -> int:
    """Give the outbox shard of a ticket: the same for all its events, for ever."""
    return ticket_id % SHARDS
