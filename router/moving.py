"""A message that stands on the wrong ticket: moved by a person, and the index learns where its ids belong.

The same locks as routing takes, in the same order: its ids, held messages that answer it, both tickets. What quotes the
same ids and comes from the same sender goes to the new ticket from then on, even where an id is known to be of the old
one. Whoever stood on the old ticket with this message alone, as sender or in To or Cc, takes part there no more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from router.announce import Announcer, Seen
from router.desk import DeskError, NoSuchTicketError, linked
from router.expected import ANY, Expected, OutOfReachError, no_such_ticket
from router.findings import search
from router.gates import Case
from router.incoming import Incoming, receive
from router.keys import Keyring
from router.legacy_binding import bind_chosen
from router.legacy_reading import awaited_by
from router.outbound_ports import OutboundStore, OutboundTransaction
from router.patience import claiming
from router.placed import NewTickets
from router.placement import Placement, held, opened
from router.placer import Placer
from router.policy import Policies
from router.reading import Wanted, read_view
from router.rules.by_legacy import evidence
from router.stored import message_of
from router.tending import MERGED
from router.view import Ticket, View
from router.writing import change_of, changes_of
from schemas.changes import Changes
from schemas.message import Result
from schemas.numbers import shown
from schemas.outbound_rows import PlacedMessageRow, PutBackRow
from schemas.placement import CLOSED, SPAM, Author, HoldReason, Rule, Visibility
from schemas.routing_rows import IdKey, OutboxRow, QuotedRow

NEW: Final = "new"
HOLD: Final = "hold"
EMPTY: Final = "its last message was moved away"


class NotMovedError(DeskError):
    """The message stays where it is; the text says why."""


class NoSuchMessageError(NotMovedError):
    """No ticket holds this message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where a message was, and where it is now: a ticket's number, or "" for the spool."""

    message_id: int
    before: str
    now: str
    already: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    message_id: int
    to: str
    by: str
    expected: Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class _Announcer(Announcer):
    """Says of the moved message that it was moved."""

    moved_id: int
    before: str

    def placed(self, ticket: Ticket, message: Incoming, seen: Seen, *, opened: bool) -> OutboxRow:
        """Say that a message came here, and of the moved one from where."""
        if message.id == self.moved_id and not opened:
            return self.moved(ticket, message, seen, other=self.before)
        return Announcer.placed(self, ticket, message, seen, opened=opened)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Everything about one move, under its locks."""

    row: PlacedMessageRow
    message: Incoming
    view: View
    old: Ticket
    announcer: _Announcer
    asked: _Asked


class Moving:
    """Moves messages. Every call is one transaction; asking twice for the same does no harm."""

    def __init__(self, *, store: OutboundStore, policies: Policies, source: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._policies = policies
        self._source = source
        self._clock = clock

    async def move(self, message_id: int, to: str, *, by: str = "an operator", expected: Expected = ANY) -> Moved:
        """Move a message to a ticket by its number, to a `new` one, or to the spool (`hold`).

        `expected` is of the ticket on which it stands. Raises `NotMovedError` for what stands on no ticket or was
        written by us, `NoSuchTicketError`, and what `expected` does.
        """
        asked = _Asked(message_id=message_id, to=to, by=by, expected=expected)
        return await claiming(self._store, partial(self._attempt, asked))

    async def _attempt(self, asked: _Asked, extra: frozenset[IdKey]) -> Moved:
        signer = await Keyring(store=self._store, clock=self._clock).signer()
        async with self._store.transaction() as transaction:
            row = await self._movable(transaction, asked)
            target = await _target(transaction, asked)
            message = receive(
                message_of(row.message), message_id=asked.message_id, policies=self._policies, signer=signer
            )
            wanted = Wanted(ids=extra, tickets=frozenset({row.ticket_id} | ({target} if target else set())))
            view = await read_view(transaction, [message], self._policies, wanted, signer)
            again = await transaction.placed_message(asked.message_id)
            if again is None or again.ticket_id != row.ticket_id:
                raise NotMovedError("somebody else moved it just now: look where it is")
            old = view.tickets[row.ticket_id]
            _check(asked, view, message, old, target)
            onto = view.standing(target)
            if onto is old:
                return Moved(message_id=asked.message_id, before=old.number, now=old.number, already=True)
            scene = _Scene(
                row=row,
                message=message,
                view=view,
                old=old,
                announcer=_Announcer(source=self._source, now=self._clock(), moved_id=message.id, before=old.number),
                asked=asked,
            )
            if asked.to == HOLD:
                return await _hold(transaction, scene)
            return await self._place(transaction, scene, onto)

    async def _movable(self, transaction: OutboundTransaction, asked: _Asked) -> PlacedMessageRow:
        row = await transaction.placed_message(asked.message_id)
        if row is None:
            found = await transaction.whereabouts(asked.message_id)
            if found is not None and found[0] == "held":
                raise NotMovedError("it is held: `spool link` or `spool open` place it")
            raise NoSuchMessageError(f"no ticket holds a message {asked.message_id}")
        if row.direction != "in":
            raise NotMovedError("a message of ours stays on the ticket from which it was sent")
        return row

    async def _place(self, transaction: OutboundTransaction, scene: _Scene, onto: Ticket | None) -> Moved:
        message, view, now = scene.message, scene.view, scene.announcer.now
        placement = self._placement(scene, onto)
        view.add_waiting(message)
        await transaction.reserve_ticket_ids(1)
        placer = Placer(
            view=view,
            policies=self._policies,
            announcer=scene.announcer,
            new_tickets=NewTickets(next_id=transaction.next_ticket_id, number=transaction.ticket_number),
        )
        if placement.ticket is not None:
            placer.admit(placement.ticket, message)
        placer.place(message, placement)
        placed = placer.placed[message.id]
        if placed.ticket is None:
            raise NotMovedError("it came to stand nowhere")
        bind_chosen(placed, view, by=scene.asked.by, now=now, moved=True)
        seen = Seen(Rule.OPERATOR, placed.author, placed.visibility)
        leaving = _leave(scene, seen, other=placed.ticket.number)
        changes = changes_of(placer, view, (), (), now)
        changes.quoted = [*_beside(changes.quoted, message), *_lessons(message, placed.ticket)]
        changes.outbox = [*leaving, *changes.outbox]
        await _dismiss(transaction, scene, onto=placed.ticket.id)
        await transaction.write(changes)
        return Moved(message_id=message.id, before=scene.old.number, now=placed.ticket.number)

    def _placement(self, scene: _Scene, onto: Ticket | None) -> Placement:
        policy = self._policies.of(scene.message.message.account)
        case = Case(message=scene.message, view=scene.view, policy=policy)
        findings, by = search(case), scene.asked.by
        if onto is None:
            if scene.row.visibility == Visibility.INTERNAL:
                raise NotMovedError("it is internal: on a ticket of its own, its sender would be the customer")
            why = f"Moved from ticket {shown(scene.old.number)} by {by}."
            placement = opened(findings, rule=Rule.OPERATOR, why=why)
            return placement.by_agent() if scene.message.staff else placement
        if onto.scope != scene.message.message.scope:
            raise NoSuchTicketError(f"there is no ticket {shown(onto.number)} in the scope of this message")
        if onto.status == SPAM:
            raise NotMovedError("that ticket is spam: `tickets reopen` it first if it is none")
        internal = scene.row.visibility == Visibility.INTERNAL
        why = f"Moved from ticket {shown(scene.old.number)} by {by}."
        return linked(case, findings, onto, why=why, internal=internal)


def _check(asked: _Asked, view: View, message: Incoming, old: Ticket, target: int | None) -> None:
    """Look at both tickets under their locks; a message that leaves for its own account must be of one that is seen."""
    asked.expected.check(view, old)
    if target is not None:
        asked.expected.check_other(view, view.tickets[target])
    elif not asked.expected.reaches(message.message.account):
        raise OutOfReachError("the message belongs to an account that may not be seen")


async def _target(transaction: OutboundTransaction, asked: _Asked) -> int | None:
    if asked.to in (NEW, HOLD):
        return None
    found = await transaction.ticket_id(asked.to)
    if found is None:
        raise no_such_ticket(asked.to)
    return found


async def _hold(transaction: OutboundTransaction, scene: _Scene) -> Moved:
    """Let the message wait for a person, as if no rule had placed it."""
    message, now = scene.message, scene.announcer.now
    case = Case(message=message, view=scene.view, policy=Policies().default)
    why = f"Taken off ticket {shown(scene.old.number)} by {scene.asked.by}."
    about = tuple(evidence(mark) for mark in scene.view.old.marks(message)[:1])
    placement = held(search(case), rule=Rule.OPERATOR, reason=HoldReason.UNMATCHED, why=why, evidence=about)
    decision = placement.decision
    decision = decision.model_copy(update={"suggestions": ()})
    seen = Seen(Rule.OPERATOR, Author(scene.row.author), Visibility(scene.row.visibility))
    events = _leave(scene, seen, other=None)
    await _dismiss(transaction, scene)
    await transaction.put_back(
        PutBackRow(
            id=message.id,
            scope=message.message.scope,
            sender_key=message.sender,
            digests=sorted(digest for _, digest in awaited_by(message, scene.view)),
            reason=HoldReason.UNMATCHED,
            explanation=why,
            suggestions="[]",
            decision=decision.model_dump_json(exclude_defaults=True),
            held_at=now,
        )
    )
    await transaction.write(Changes(ticket_changes=[change_of(scene.old)], outbox=events))
    return Moved(message_id=message.id, before=scene.old.number, now="")


def _leave(scene: _Scene, seen: Seen, *, other: str | None) -> list[OutboxRow]:
    """Take the message off the old ticket; one that has none left is closed."""
    old, announcer = scene.old, scene.announcer
    old.message_count = max(0, old.message_count - 1)
    events = [announcer.moved(old, scene.message, seen, other=other)]
    if old.message_count == 0 and old.closed_at is None:
        previous, old.status, old.closed_at = old.status, CLOSED, announcer.now
        events.append(announcer.status_changed(old, previous=previous, reason=EMPTY))
    return events


async def _dismiss(transaction: OutboundTransaction, scene: _Scene, *, onto: int | None = None) -> None:
    """Let the sender take part in the old ticket no more, unless it is the sender's own or holds more by them.

    So for those in To and Cc: what is said there from now on is not for whom this message alone brought in. Where the
    old ticket goes on as another, the sender takes part by the merge no more, but for the one where the message goes.
    """
    sender, old = scene.message.sender, scene.old
    named = [member.key for member in scene.message.members]
    if named:
        await transaction.dismiss_brought(old.id, named, than=scene.message.id)
    if sender != old.requester and not await transaction.wrote_more(old.id, sender, than=scene.message.id):
        await transaction.dismiss(old.id, [sender])
        for other in scene.view.onward(old):
            if other.id != onto and not await transaction.wrote_more(other.id, sender, than=scene.message.id):
                await transaction.dismiss(other.id, [sender], role=MERGED)


def _beside(rows: Sequence[QuotedRow], message: Incoming) -> list[QuotedRow]:
    """Give what the index learns from other messages: held ones that went along."""
    return [row for row in rows if row.message_id != message.id]


def _lessons(message: Incoming, ticket: Ticket) -> list[QuotedRow]:
    """Give what the index learns: the message's ids belong here, for its sender. A forged sender teaches nothing."""
    if message.anonymous or message.message.verdict.result is Result.FAIL:
        return []
    return [QuotedRow(*quote.key, message.sender, message.id, ticket.id, taught=True) for quote in message.quoted]
