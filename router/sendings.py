"""What a routing transaction writes about messages of ours: agents' answers sent on, and how far earlier ones came."""

from collections.abc import Iterator

from pydantic_core import to_json

from router.announce import Announcer
from router.delivery import DIAGNOSTIC, Delivery
from router.incoming import Incoming
from router.legacy_forward import forward_row
from router.outgoing import Outgoing
from router.receipts import receipt_of
from router.replies import Replies
from router.view import Ticket, View
from schemas.conversation_rows import EarlyRow
from schemas.routing_rows import BlobRefRow, IdKey, MessageRow, OutboxRow, ThreadRow
from schemas.sending_rows import DeliveryRow, SendRow


class Sendings:
    """Collects rows, and gives the events that go with them. Without `replies` agents' answers go to nobody."""

    def __init__(self, *, view: View, announcer: Announcer, replies: Replies | None) -> None:
        self.messages: list[MessageRow] = []
        self.threads: list[ThreadRow] = []
        self.sends: list[SendRow] = []
        self.blobs: list[BlobRefRow] = []
        self.deliveries: dict[int, DeliveryRow] = {}
        self.early: dict[IdKey, EarlyRow] = {}
        self._view = view
        self._announcer = announcer
        self._replies = replies

    def answer(self, ticket: Ticket, message: Incoming) -> Iterator[OutboxRow]:
        """Send an agent's answer to the customer, unless everybody has it already."""
        reply = (
            self._replies.answer(ticket, message, self._view.spoken.get(ticket.id, ()))
            if self._replies is not None
            else None
        )
        if reply is not None:
            self._take(reply.rows)
            ticket.message_count += 1
            yield self._announcer.said(ticket, reply.letter, reply.rows.message)

    def forward(self, message: Incoming, to: str) -> None:
        """Send a message on to an old desk, as it came."""
        self.sends.append(forward_row(message, to=to, now=self._announcer.now))

    def hear_early(self, message: Incoming) -> None:
        """Keep what a receipt says of ids that nobody here has: they may be of what we are sending just now."""
        state, inbound = receipt_of(message.message), message.message
        for quote in message.quoted if state else ():
            row = self._view.threads.get(quote.key)
            if row is not None and row.known_message_id is None:
                reason = str(inbound.details.get("reason") or "")[:DIAGNOSTIC] if state == "failed" else ""
                said_at = inbound.sent_at or inbound.received_at
                self.early[quote.key] = EarlyRow(*quote.key, state, reason, said_at, self._announcer.now)

    def _take(self, rows: Outgoing) -> None:
        self.messages.append(rows.message)
        self.threads.append(rows.thread)
        self.blobs.extend(rows.blobs)
        if rows.send is not None:
            self.sends.append(rows.send)

    def deliver(self, delivery: Delivery) -> Iterator[OutboxRow]:
        """Note how far a message of ours has come, if that is news; the next report of this batch begins there."""
        if not delivery.changed:
            return
        sent, recipients = delivery.sent, list(delivery.recipients)
        self._view.sent[sent.message_id] = sent._replace(recipients=recipients)
        self.deliveries[sent.message_id] = DeliveryRow(sent.message_id, to_json(recipients).decode())
        found = self._view.messages.get(sent.message_id)
        ticket = self._view.ticket(found.ticket_id) if found is not None else None
        if ticket is not None:
            yield self._announcer.delivery_changed(ticket, sent, delivery.states())
