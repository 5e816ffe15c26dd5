"""What became of a message of ours at each recipient, and when it is tried again."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

from pydantic_core import to_json

from router.announce import Announcer
from router.outbound_ports import OutboundStore, OutboundTransaction
from router.patience import patiently
from router.view import Ticket
from router.writing import change_of
from schemas.changes import Changes
from schemas.events import RecipientState
from schemas.outbound_rows import DueSend, SendResult
from schemas.placement import SendKind
from schemas.sending_rows import SentRow

WAITING: Final = "queued"
"""State of a recipient who is tried again; `delayed` is what a later system reports of what we sent."""
LATER: Final = "later"
PUBLISHED: Final = "published"
"""State of a recipient who collects it from the ticket's events; whether it did, nobody tells us."""
FINAL: Final = ("sent", PUBLISHED, "unsure", "failed")


class Delivery(NamedTuple):
    """What became of one recipient: sent, published, unsure, later or failed; and the words for it."""

    state: str
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When what was delayed is tried again: after `first`, doubling up to `longest`, until `patience` is over.

    A notice is given up sooner, after `notices`: nobody needs an old one.
    """

    first: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(hours=1)
    patience: timedelta = timedelta(days=5)
    notices: timedelta = timedelta(hours=24)

    def pause(self, attempt: int) -> timedelta:
        """Give the pause after an attempt (1 is the first), a fifth more or less so that not all come at once."""
        doubled: timedelta = self.first * 2 ** min(attempt - 1, 30)
        varied: timedelta = min(doubled, self.longest) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        return varied

    def is_over(self, send: DueSend, now: datetime) -> bool:
        """Whether nobody waits for it any more."""
        return now - send.created_at >= (self.notices if send.kind == SendKind.NOTICE else self.patience)


class SendMetrics(Protocol):
    """Hears what became of recipients."""

    def delivered(self, kind: str, state: str) -> None:
        """Count one recipient that was sent to, told later or failed."""
        ...


class Marker:
    """Writes what an attempt came to, and says so in the ticket's events when something is final."""

    def __init__(
        self,
        *,
        store: OutboundStore,
        source: str,
        clock: Callable[[], datetime],
        metrics: SendMetrics,
        pace: Pace,
    ) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._metrics = metrics
        self._pace = pace

    async def mark(self, send: DueSend, found: Mapping[str, Delivery]) -> None:
        """Mark the recipients tried. When the claim was lost, somebody else tries again: nothing is written."""
        now = self._clock()
        if self._pace.is_over(send, now):
            found = {address: _given_up(delivery) for address, delivery in found.items()}
        is_final = any(delivery.state in FINAL for delivery in found.values())
        if await patiently(self._store, lambda: self._write(send, found, now, is_final=is_final)):
            for delivery in found.values():
                self._metrics.delivered(send.kind, delivery.state)

    async def _write(self, send: DueSend, found: Mapping[str, Delivery], now: datetime, *, is_final: bool) -> bool:
        async with self._store.transaction() as transaction:
            ticket = await _ticket(transaction, send.ticket_id) if is_final else None
            stored = await transaction.lock_send(send)
            if stored is None:
                return False
            recipients = [_marked(recipient, found, now) for recipient in stored]
            result = self._result(send, recipients, now)
            await transaction.mark_send(result)
            if send.kind == SendKind.FORWARD and result.state == "failed":
                await transaction.hold_again(send.message_id, f"It could not be sent on: {result.problem}", now)
            if ticket is not None:
                await self._announce(transaction, ticket, send, recipients, now)
            return True

    def _result(self, send: DueSend, recipients: Sequence[Mapping[str, Any]], now: datetime) -> SendResult:
        states = {recipient["state"] for recipient in recipients}
        state = WAITING if WAITING in states else "failed" if states == {"failed"} else "sent"
        problems = [r["reason"] for r in recipients if r["state"] in (WAITING, "unsure", "failed")]
        return SendResult(
            message_id=send.message_id,
            state=state,
            recipients=to_json(recipients).decode(),
            due_at=now + self._pace.pause(send.attempt),
            sent_at=now if state == "sent" else None,
            problem=problems[0] if problems else "",
        )

    async def _announce(
        self,
        transaction: OutboundTransaction,
        ticket: Ticket,
        send: DueSend,
        recipients: Sequence[Mapping[str, Any]],
        now: datetime,
    ) -> None:
        states = [RecipientState.model_validate(recipient) for recipient in recipients]
        event = Announcer(source=self._source, now=now).delivery_changed(ticket, _sent(send), states)
        await transaction.write(Changes(ticket_changes=[change_of(ticket)], outbox=[event]))


def _sent(send: DueSend) -> SentRow:
    return SentRow(
        message_id=send.message_id,
        recipients=send.recipients,
        sender_address=send.sender_address,
        sender_name=send.sender_name,
        received_at=send.created_at,
        subject=send.subject,
        body_text=send.text,
        author=send.author,
        visibility=send.visibility,
    )


async def _ticket(transaction: OutboundTransaction, ticket_id: int | None) -> Ticket | None:
    if ticket_id is None:
        return None
    rows = await transaction.lock_tickets([ticket_id])
    return next(Ticket.stored(row, follows) for row, follows in rows if row.id == ticket_id)


def _marked(stored: Mapping[str, Any], found: Mapping[str, Delivery], now: datetime) -> dict[str, Any]:
    """Give a recipient as it is now; one about whom a bounce came meanwhile is left alone."""
    delivery = found.get(stored["address"])
    if delivery is None or stored["state"] != WAITING:
        return dict(stored)
    state = WAITING if delivery.state == LATER else delivery.state
    return {**stored, "state": state, "code": delivery.code, "reason": delivery.reason, "at": now.isoformat()}


def _given_up(delivery: Delivery) -> Delivery:
    if delivery.state != LATER:
        return delivery
    return delivery._replace(state="failed", reason=f"given up: {delivery.reason}" if delivery.reason else "given up")
