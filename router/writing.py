"""Turns what the placer remembers into the rows of one write."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic_core import to_json

from router.incoming import Incoming
from router.legacy_reading import awaited_by
from router.placed import Double, Placed
from router.placer import Placer
from router.revise import Revisions
from router.stored import blob_rows, fetch_rows, message_row
from router.view import Ticket, View
from schemas.changes import Changes
from schemas.legacy import BoundRow, old_ticket_key
from schemas.placement import Decision
from schemas.revision_rows import HoldRow
from schemas.routing_rows import (
    DeadLetterRow,
    DuplicateRow,
    HeldIdRow,
    NewcomerRow,
    PlacedRow,
    SpoolRow,
    TicketChange,
    TicketRow,
)


def changes_of(
    placer: Placer, view: View, doubles: Sequence[Double], dead: Sequence[DeadLetterRow], now: datetime
) -> Changes:
    """Give everything to be written, rows sorted where others may write the same ones."""
    new = [placed for placed in placer.placed.values() if not placed.stored]
    twice = [*doubles, *placer.doubles]
    return Changes(
        tickets=[_new_ticket(ticket) for ticket in view.tickets.values() if ticket.stored_version == 0],
        ticket_changes=[change_of(t) for t in view.tickets.values() if t.stored_version and t.changed],
        messages=[*(message_row(placed) for placed in new), *placer.sendings.messages],
        placed=[_left_spool(placed) for placed in placer.placed.values() if placed.stored],
        participants=placer.participants,
        threads=list(placer.threads.values()),
        own_threads=placer.sendings.threads,
        sends=placer.sendings.sends,
        deliveries=list(placer.sendings.deliveries.values()),
        quoted=list(placer.quoted.values()),
        held_ids=[row for placed in new if placed.state == "held" for row in _held_ids(placed, view)],
        spool=[_spool(placed, now) for placed in new if placed.state == "held"],
        duplicates=[_duplicate(double) for double in twice],
        blobs=[row for placed in new for row in blob_rows(placed.message, "message")]
        + [row for double in twice for row in blob_rows(double.message, "duplicate")]
        + placer.sendings.blobs,
        conversations=sorted(placer.talks.rows.values()),
        early=list(placer.sendings.early.values()),
        contacts=sorted(placer.contacts.rows.values()),
        used_proofs=placer.talks.used,
        links=placer.talks.links,
        amended=sorted(placer.amendments.rows.values()),
        earlier=placer.amendments.earlier,
        fetches=[row for placed in new if placed.message.message.files for row in fetch_rows(placed.message, now)],
        bound=_bound(placer, view),
        newcomers=_newcomers(placer, view, now),
        outbox=placer.outbox,
        dead_letters=dead,
    )


def revised(changes: Changes, revisions: Revisions) -> Changes:
    """Add what newer readings of stored messages change."""
    changes.revised = revisions.messages
    changes.blobs = [*changes.blobs, *revisions.blobs]
    changes.held_ids = [*changes.held_ids, *revisions.held_ids]
    changes.fetches = [*changes.fetches, *revisions.fetches]
    changes.outbox = [*changes.outbox, *revisions.outbox]
    return changes


def _newcomers(placer: Placer, view: View, now: datetime) -> list[NewcomerRow]:
    """Name who began to take part in tickets that were there before: their held messages may belong there now."""
    joined = ((row.address_key, view.tickets[row.ticket_id]) for row in placer.participants)
    found = {(ticket.scope, key) for key, ticket in joined if ticket.stored_version}
    return [NewcomerRow(scope, key, now) for scope, key in sorted(found)]


def _bound(placer: Placer, view: View) -> list[BoundRow]:
    """Say where old tickets go on, and under which ids held messages wait to hear it."""
    scopes = sorted({placed.message.message.scope for placed in placer.placed.values()})
    return [
        row._replace(awaited=tuple(old_ticket_key(scope, old) for scope in scopes))
        for old, row in sorted(view.old.bound.items())
    ]


def _new_ticket(ticket: Ticket) -> TicketRow:
    return TicketRow(
        id=ticket.id,
        number=ticket.number,
        scope=ticket.scope,
        account=ticket.account,
        channel=ticket.channel,
        subject=ticket.subject,
        subject_base=ticket.subject_base,
        match_key=ticket.match,
        requester_key=ticket.requester,
        requester_address=ticket.requester_party.address,
        requester_name=ticket.requester_party.name,
        status=ticket.status,
        version=ticket.version,
        message_count=ticket.message_count,
        continues_id=ticket.continues_id,
        created_at=ticket.created_at,
        last_message_at=ticket.last_message_at,
        closed_at=ticket.closed_at,
        live=ticket.live,
        live_until=ticket.live_until,
        conversation=ticket.conversation,
    )


def change_of(ticket: Ticket) -> TicketChange:
    """Give what routing changes of a stored ticket."""
    return TicketChange(
        ticket.id,
        ticket.status,
        ticket.version,
        ticket.message_count,
        ticket.last_message_at,
        ticket.closed_at,
        live=ticket.live,
        live_until=ticket.live_until,
    )


def _left_spool(placed: Placed) -> PlacedRow:
    ticket_id = placed.ticket.id if placed.ticket else None
    decision = placed.decision.model_dump_json(exclude_defaults=True)
    return PlacedRow(placed.message.id, ticket_id, placed.state, decision, placed.author, placed.visibility)


def _held_ids(placed: Placed, view: View) -> Iterable[HeldIdRow]:
    message = placed.message
    return (HeldIdRow(*key, message.id) for key in sorted(awaited_by(message, view)))


def _spool(placed: Placed, now: datetime) -> SpoolRow:
    decision = placed.decision
    reason = decision.hold or ""
    return SpoolRow(placed.message.id, reason, decision.explanation, to_json(decision.suggestions).decode(), now)


def hold_row(message: Incoming, decision: Decision, view: View) -> HoldRow:
    """Give what is written of a held message that stays so for another reason."""
    return HoldRow(
        message.id,
        decision.hold or "",
        decision.explanation,
        to_json(decision.suggestions).decode(),
        decision.model_dump_json(exclude_defaults=True),
        message.message.scope,
        sorted(digest for _, digest in awaited_by(message, view)),
    )


def _duplicate(double: Double) -> DuplicateRow:
    message, inbound = double.message, double.message.message
    return DuplicateRow(
        id=message.id,
        delivery_key=bytes.fromhex(inbound.delivery_key),
        original_message_id=double.original,
        kind=double.kind,
        account=inbound.account,
        raw_sha256=bytes.fromhex(inbound.raw.sha256),
        raw_size=inbound.raw.size,
        received_at=inbound.received_at,
        partition=message.partition,
        offset=message.offset,
    )
