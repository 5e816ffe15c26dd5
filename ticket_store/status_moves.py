"""Writes a status move: ticket, version and event in one transaction, under the ticket's row lock."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from schemas.events import EventType, TicketEvent, TicketSnapshot, shard_of
from schemas.message import Party
from schemas.numbers import parse, shown
from ticket_store.statements import statement


class TicketNotFoundError(LookupError):
    """There is no ticket with this number."""


class StatusMove(Protocol):
    """What the lifecycle decides about a ticket's status."""

    @property
    def previous(self) -> str:
        """Give the status before."""
        ...

    @property
    def status(self) -> str:
        """Give the status after."""
        ...

    @property
    def reason(self) -> str:
        """Give the word that says why, for the event."""
        ...

    @property
    def closed_at(self) -> datetime | None:
        """Give when it was closed; None while the ticket is open."""
        ...


async def move_status(
    connection: AsyncConnection[TupleRow],
    number: str,
    *,
    decide: Callable[[str], StatusMove],
    source: str,
    now: datetime,
) -> TicketEvent:
    """Move a ticket's status and give the event, which stands in the outbox when this returns.

    `decide` gets the status as it stands under the lock; whatever it raises leaves everything as it was. `source` is
    the instance's. Raises `TicketNotFoundError`, and `ValueError` for what is no ticket number.
    """
    bare = parse(number)
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement("status_moves", "lock_ticket"), {"number": bare})
        ticket = await cursor.fetchone()
        if ticket is None:
            raise TicketNotFoundError(
                f"there is no ticket {shown(bare)}: `switchboard tickets list` shows which there are"
            )
        made = decide(ticket["status"])
        event = _event(ticket, made, source=source, now=now)
        row = {
            "id": ticket["id"],
            "status": made.status,
            "closed_at": made.closed_at,
            "version": event.data.sequence,
        }
        await cursor.execute(statement("status_moves", "write_status"), row)
        await cursor.execute(statement("outbox", "insert_event"), _outbox_row(ticket["id"], event))
    return event


def _event(ticket: dict[str, Any], made: StatusMove, *, source: str, now: datetime) -> TicketEvent:
    snapshot = TicketSnapshot(
        **{name: ticket[name] for name in _SAME},
        status=made.status,
        requester=Party(address=ticket["requester_address"], name=ticket["requester_name"]),
    )
    return TicketEvent.about(
        snapshot,
        type=EventType.STATUS_CHANGED,
        id=uuid4(),
        source=source,
        time=now,
        sequence=ticket["version"] + 1,
        previous_status=made.previous,
        status_reason=made.reason,
    )


_SAME = ("number", "scope", "account", "channel", "subject", "created_at", "message_count", "continues")


def _outbox_row(ticket_id: int, event: TicketEvent) -> dict[str, object]:
    return {
        "id": event.id,
        "ticket_id": ticket_id,
        "shard": shard_of(ticket_id),
        "sequence": event.data.sequence,
        "type": event.type,
        "event": event.text(),
    }
