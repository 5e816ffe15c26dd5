"""What people do with whole tickets: close, reopen, call spam, merge. Every call is one transaction."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from router.announce import Announcer
from router.correspondence import is_address, is_reply_address
from router.desk import DeskError
from router.expected import ANY, Expected, no_such_ticket
from router.incoming import MAIL
from router.live import end
from router.outbound_ports import OutboundStore, OutboundTransaction
from router.patience import patiently
from router.policy import Policies
from router.view import INSIDER, MERGES, Ticket, View
from router.writing import change_of
from schemas.changes import Changes
from schemas.message import Party
from schemas.placement import CLOSED, OPEN, SPAM, address_key, match_key
from schemas.routing_rows import NewcomerRow, OutboxRow, ParticipantRow

MERGED: Final = "merged"
"""Role of somebody who took part in a ticket that was merged into this one; goes when that one is reopened."""


NAMED: Final = "the requester was named"
"""Reason of the event that tells who the requester is now."""


class NotTendedError(DeskError):
    """It was not done; the message says why."""


class StatusMove(Protocol):
    """A status move that the lifecycle allows."""

    @property
    def previous(self) -> str: ...  # noqa: D102 - the names say it
    @property
    def status(self) -> str: ...  # noqa: D102 - see above
    @property
    def reason(self) -> str: ...  # noqa: D102 - see above
    @property
    def closed_at(self) -> datetime | None: ...  # noqa: D102 - see above


Lifecycle = Callable[[str, str, datetime], StatusMove]
"""Gives an operator's move from a status to another at a time; raises a `ValueError` that says what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge came to. `already`: it had been done before."""

    source: str
    into: str
    already: bool = False


class Tending:
    """Whole tickets. `lifecycle` decides which status moves are allowed."""

    def __init__(
        self,
        *,
        store: OutboundStore,
        policies: Policies,
        lifecycle: Lifecycle,
        source: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._policies = policies
        self._lifecycle = lifecycle
        self._source = source
        self._clock = clock

    async def close(self, number: str, *, expected: Expected = ANY) -> None:
        """Close a ticket. Raises `NoSuchTicketError`, what `expected` and what the lifecycle do."""
        await patiently(self._store, lambda: self._move(number, CLOSED, expected))

    async def reopen(self, number: str, *, expected: Expected = ANY) -> None:
        """Open a ticket again. One that was merged goes on by itself from now on, with its own messages."""
        await patiently(self._store, lambda: self._move(number, OPEN, expected))

    async def spam(self, number: str, *, expected: Expected = ANY) -> None:
        """Call a ticket spam: it is closed, nobody is answered, and what answers it is held."""
        await patiently(self._store, lambda: self._move(number, SPAM, expected))

    async def merge(
        self, source: str, into: str, *, allow_different_requesters: bool = False, expected: Expected = ANY
    ) -> Merged:
        """Let a ticket go on as another one of its scope; its messages stay its own, and are shown there.

        Different requesters would see each other's words, so that takes an explicit word. `expected` is of the one that
        goes on. Raises `NotTendedError`, `NoSuchTicketError`, and what `expected` does.
        """
        different = allow_different_requesters
        return await patiently(self._store, lambda: self._merge(source, into, expected, different=different))

    async def requester(self, number: str, party: Party, *, expected: Expected = ANY) -> None:
        """Name the customer whose ticket it is: an agent forwarded it, or wrote down a call.

        Replies go there from now on. Raises `NotTendedError` for what is no customer's address.
        """
        bare = party.address.strip().lower()
        if not is_address(bare) or self._policies.is_staff(bare) or is_reply_address(bare):
            raise NotTendedError(f"{bare!r} can be nobody's: write a customer's address, local@domain")
        named = Party(address=bare, name=party.name)
        await patiently(self._store, lambda: self._name(number, named, expected))

    async def _name(self, number: str, party: Party, expected: Expected) -> None:
        async with self._store.transaction() as transaction:
            _, ticket = await self._one(transaction, number, expected)
            key = address_key(ticket.channel, ticket.account, party.address)
            if ticket.merged_into_id is not None or ticket.status == SPAM:
                raise NotTendedError("this ticket goes on as another one, or is spam: `tickets reopen` it first")
            if ticket.channel != MAIL:
                raise NotTendedError(
                    "the requester of a conversation is who writes there: `tickets invite` links others"
                )
            if key in ticket.insiders:
                raise NotTendedError("that address takes part internally: it would see what customers never see")
            if key == ticket.requester:
                return
            now = self._clock()
            ticket.requester, ticket.requester_party = key, party
            ticket.match = match_key(ticket.account, key, ticket.subject_base.strip())
            await transaction.set_requester(ticket.id, party, key=key, match=ticket.match)
            announcer = Announcer(source=self._source, now=now)
            event = announcer.status_changed(ticket, previous=ticket.status, reason=NAMED)
            newcomers = [NewcomerRow(ticket.scope, key, now)]
            changes = Changes(ticket_changes=[change_of(ticket)], newcomers=newcomers, outbox=[event])
            await transaction.write(changes)

    async def _move(self, number: str, target: str, expected: Expected) -> None:
        async with self._store.transaction() as transaction:
            view, ticket = await self._one(transaction, number, expected)
            if ticket.merged_into_id is not None and target == SPAM:
                raise NotTendedError("this ticket goes on as another one: `tickets reopen` it first")
            now = self._clock()
            move = self._lifecycle(ticket.status, target, now)
            ticket.status, ticket.closed_at = move.status, move.closed_at
            if ticket.closed_at is not None:
                end(ticket)
            if ticket.merged_into_id is not None:
                await self._part(transaction, view, ticket)
            announcer = Announcer(source=self._source, now=now)
            event = announcer.status_changed(ticket, previous=move.previous, reason=move.reason)
            await transaction.write(Changes(ticket_changes=[change_of(ticket)], outbox=[event]))

    async def _part(self, transaction: OutboundTransaction, view: View, ticket: Ticket) -> None:
        """Let a merged ticket go on by itself; who took part in the others only by the merge does so no more."""
        others = view.onward(ticket)
        ticket.merged_into_id = ticket.merged_into_number = None
        await transaction.set_merge(ticket.id, into=None, at=self._clock())
        for other in others:
            await transaction.dismiss(other.id, sorted(ticket.members), role=MERGED)

    async def _one(self, transaction: OutboundTransaction, number: str, expected: Expected) -> tuple[View, Ticket]:
        found = await transaction.tickets_by_numbers([number])
        if number not in found:
            raise no_such_ticket(number)
        view = await locked_view(transaction, [found[number]])
        ticket = view.tickets[found[number]]
        expected.check(view, ticket)
        return view, ticket

    async def _merge(self, source: str, into: str, expected: Expected, *, different: bool) -> Merged:
        async with self._store.transaction() as transaction:
            found = await transaction.tickets_by_numbers([source, into])
            missing = next((number for number in (source, into) if number not in found), None)
            if missing is not None:
                raise no_such_ticket(missing)
            view = await locked_view(transaction, [found[source], found[into]])
            ticket, survivor = view.tickets[found[source]], view.standing(found[into])
            expected.check(view, ticket)
            expected.check_other(view, view.tickets[found[into]])
            if survivor is not None and ticket.merged_into_id is not None:
                if view.standing(ticket.id) is survivor:
                    return Merged(source=source, into=survivor.number, already=True)
                raise NotTendedError("this ticket was merged into another one before: `tickets reopen` it first")
            if survivor is None or survivor is ticket:
                raise NotTendedError("a ticket cannot go on as itself: the other one was merged into this one")
            _check(ticket, survivor, allow_different_requesters=different)
            await self._join(transaction, ticket, survivor)
            return Merged(source=source, into=survivor.number)

    async def _join(self, transaction: OutboundTransaction, ticket: Ticket, survivor: Ticket) -> None:
        now = self._clock()
        previous, ticket.status = ticket.status, CLOSED
        ticket.closed_at = ticket.closed_at or now
        end(ticket)
        ticket.merged_into_id, ticket.merged_into_number = survivor.id, survivor.number
        await transaction.set_merge(ticket.id, into=survivor.id, at=now)
        announcer = Announcer(source=self._source, now=now)
        events: list[OutboxRow] = [
            announcer.merged(ticket, other=survivor.number, previous=previous),
            announcer.merged(survivor, other=ticket.number),
        ]
        people = _newcomers(ticket, survivor)
        changes = [change_of(ticket), change_of(survivor)]
        newcomers = [NewcomerRow(survivor.scope, row.address_key, now) for row in people]
        await transaction.write(
            Changes(ticket_changes=changes, participants=people, newcomers=newcomers, outbox=events)
        )


def _check(ticket: Ticket, survivor: Ticket, *, allow_different_requesters: bool) -> None:
    """Refuse what would show people what they must not see."""
    if ticket.scope != survivor.scope or ticket.channel != survivor.channel:
        raise NotTendedError("the tickets belong to different scopes: they share no customers")
    if SPAM in (ticket.status, survivor.status):
        raise NotTendedError("one of them is spam: `tickets reopen` it first if it is none")
    if ticket.requester in survivor.insiders or survivor.requester in ticket.insiders:
        raise NotTendedError("the requester of one takes part internally in the other: they must not become one")
    if ticket.requester != survivor.requester and not allow_different_requesters:
        raise NotTendedError("the tickets have different requesters, who would see each other's words")


def _newcomers(ticket: Ticket, survivor: Ticket) -> list[ParticipantRow]:
    """Let those who take part in the merged ticket do so in the other: their answers go there."""
    return [
        ParticipantRow(survivor.id, key, address, INSIDER if key in ticket.insiders else MERGED)
        for key, address in ticket.members.items()
        if key not in survivor.members
    ]


async def locked_view(transaction: OutboundTransaction, ticket_ids: Collection[int]) -> View:
    """Lock tickets and those on which they go on, and read who takes part."""
    view, wanted = View(), set(ticket_ids)
    for _ in range(MERGES):
        for row, follows in await transaction.lock_tickets(wanted) if wanted else ():
            view.add_ticket(Ticket.stored(row, follows))
        onward = {ticket.merged_into_id for ticket in view.tickets.values() if ticket.merged_into_id is not None}
        wanted = onward.difference(view.tickets)
    for ticket in view.tickets.values():
        onto = view.ticket(ticket.merged_into_id)
        ticket.merged_into_number = None if onto is None else onto.number
    view.add_participants(await transaction.participants(view.tickets.keys()))
    return view
