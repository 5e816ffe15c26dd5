"""Ticket events as outbox rows. The version rises here, under the ticket's row lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from router.incoming import Incoming
from router.outgoing import Letter
from router.view import Ticket
from schemas.events import (
    DATA_SCHEMA,
    EventData,
    EventMessage,
    EventType,
    RecipientState,
    TicketEvent,
    TicketSnapshot,
    shard_of,
)
from schemas.message import Automatic, Kind, Party, Verdict
from schemas.placement import Author, Rule, Visibility
from schemas.routing_rows import MessageRow, OutboxRow
from schemas.sending_rows import SentRow


class Seen(NamedTuple):
    """What a placement says of a message: by which rule it stands there, who speaks, and who may see it."""

    rule: Rule
    author: Author
    visibility: Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcer:
    """Builds events of one installation (`source`) at one time (`now`, when the router decided)."""

    source: str
    now: datetime

    def placed(self, ticket: Ticket, message: Incoming, seen: Seen, *, opened: bool) -> OutboxRow:
        """Say that a message opened the ticket or was added to it."""
        kind = EventType.CREATED if opened else EventType.MESSAGE_ADDED
        return self._row(ticket, kind, message=_about(message, seen))

    def revised(self, ticket: Ticket, message: Incoming, seen: Seen) -> OutboxRow:
        """Say that a message on the ticket was parsed again, and what it says now."""
        return self._row(ticket, EventType.MESSAGE_REVISED, message=_about(message, seen))

    def reopened(self, ticket: Ticket, *, previous: str) -> OutboxRow:
        """Say that a customer's message opened a closed ticket again."""
        return self._row(
            ticket, EventType.STATUS_CHANGED, previous_status=previous, status_reason="the customer answered"
        )

    def status_changed(self, ticket: Ticket, *, previous: str, reason: str) -> OutboxRow:
        """Say that somebody moved the ticket's status."""
        return self._row(ticket, EventType.STATUS_CHANGED, previous_status=previous, status_reason=reason)

    def turned(self, ticket: Ticket, *, reason: str) -> OutboxRow:
        """Say that a chat became a ticket like others: nobody waits in it any more."""
        return self._row(ticket, EventType.STATUS_CHANGED, previous_status=ticket.status, status_reason=reason)

    def merged(self, ticket: Ticket, *, other: str, previous: str | None = None) -> OutboxRow:
        """Say that the ticket goes on as another one, or that another one goes on as this one."""
        return self._row(ticket, EventType.MERGED, other=other, previous_status=previous)

    def moved(self, ticket: Ticket, message: Incoming, seen: Seen, *, other: str | None) -> OutboxRow:
        """Say that a message came to the ticket from another one, or left it; `other` None: for the spool."""
        return self._row(ticket, EventType.MESSAGE_MOVED, message=_about(message, seen), other=other)

    def said(self, ticket: Ticket, letter: Letter, row: MessageRow) -> OutboxRow:
        """Say that a message of ours was added to the ticket."""
        message = EventMessage.model_construct(
            id=row.id,
            kind=Kind.MESSAGE,
            direction="out",
            sender=letter.sender,
            received_at=row.received_at,
            subject=row.subject,
            text=letter.text.content,
            text_overflow=letter.text.overflow,
            files=tuple(letter.files),
            automatic=Automatic.NO,
            verdict=Verdict(),
            author=letter.author,
            visibility=letter.visibility,
            rule=letter.rule,
        )
        return self._row(ticket, EventType.MESSAGE_ADDED, message=message)

    def delivery_changed(self, ticket: Ticket, sent: SentRow, delivery: Sequence[RecipientState]) -> OutboxRow:
        """Say how far a message of ours has come, to every recipient."""
        message = EventMessage.model_construct(
            id=sent.message_id,
            kind=Kind.MESSAGE,
            direction="out",
            sender=Party(address=sent.sender_address, name=sent.sender_name),
            received_at=sent.received_at,
            subject=sent.subject,
            text=sent.body_text,
            author=Author(sent.author),
            visibility=Visibility(sent.visibility),
        )
        return self._row(ticket, EventType.DELIVERY_CHANGED, message=message, delivery=delivery)

    def _row(
        self,
        ticket: Ticket,
        kind: EventType,
        *,
        message: EventMessage | None = None,
        delivery: Sequence[RecipientState] = (),
        other: str | None = None,
        previous_status: str | None = None,
        status_reason: str | None = None,
    ) -> OutboxRow:
        ticket.version += 1
        row_id = uuid4()
        payload = EventData.complete(
            sequence=ticket.version,
            ticket=_snapshot(ticket),
            message=message,
            delivery=tuple(delivery),
            other=other,
            previous_status=previous_status,
            status_reason=status_reason,
        )
        event = TicketEvent.complete(
            specversion="1.0",
            id=row_id,
            source=self.source,
            type=kind,
            subject=ticket.number,
            time=self.now,
            datacontenttype="application/json",
            dataschema=DATA_SCHEMA,
            data=payload,
        )
        return OutboxRow(row_id, ticket.id, shard_of(ticket.id), ticket.version, kind, event.text())


def _snapshot(ticket: Ticket) -> TicketSnapshot:
    return TicketSnapshot.complete(
        number=ticket.number,
        scope=ticket.scope,
        account=ticket.account,
        channel=ticket.channel,
        subject=ticket.subject,
        status=ticket.status,
        requester=ticket.requester_party,
        created_at=ticket.created_at,
        message_count=ticket.message_count,
        continues=ticket.continues_number,
        merged_into=ticket.merged_into_number,
        live=ticket.live or None,
    )


def _about(message: Incoming, seen: Seen) -> EventMessage:
    inbound = message.message
    return EventMessage.complete(
        id=message.id,
        kind=inbound.kind,
        direction="in",
        sender=inbound.sender,
        received_at=inbound.received_at,
        subject=inbound.subject,
        text=inbound.text.content,
        text_overflow=inbound.text.overflow,
        files=inbound.files,
        automatic=inbound.automatic,
        verdict=inbound.verdict,
        author=seen.author,
        visibility=seen.visibility,
        rule=seen.rule,
    )
