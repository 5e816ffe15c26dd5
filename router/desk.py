"""What a person does about held messages and dead letters, with the router's own locks, closure and events."""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from router.announce import Announcer
from router.batch import BatchRouter, FencedError, Part, Routable, Routed
from router.decode import Undecodable, UnknownSchemaError, decode
from router.findings import Findings, search
from router.gates import Candidate, Case, is_internal, reopens
from router.incoming import Incoming, receive
from router.isolation import failure_reason
from router.keys import Keyring
from router.legacy_binding import bind_chosen
from router.patience import claiming, patiently
from router.placed import NewTickets
from router.placement import Placement, discarded, forwarded, joined, opened
from router.placer import Placer
from router.policy import Policies
from router.ports import RoutingStore, RoutingTransaction
from router.reach import Reach
from router.reading import Wanted, read_view
from router.rules.by_legacy import evidence
from router.stored import message_of
from router.view import Ticket, View
from router.writing import changes_of
from schemas.dead_letter_rows import StoredDeadLetter
from schemas.message import InboundMessage
from schemas.numbers import shown
from schemas.placement import Evidence, Fault, Rule, Source, Visibility
from schemas.routing_rows import IdKey, LogPosition

NO_LOG: Final = LogPosition("", "", "")


class DeskError(Exception):
    """What was asked cannot be done; the message says why."""


class NotHeldError(DeskError):
    """The message is not held, or not any more."""


class NoSuchTicketError(DeskError):
    """No ticket has this number, or it belongs to another scope."""


class NoSuchDeadLetterError(DeskError):
    """There is no open dead letter with this id, or somebody else just took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """Where a held message went: the ticket's number ("" when discarded), and how many held answers went with it."""

    ticket: str
    released: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What became of a dead letter; `reason` is why it failed again, "" when it was routed."""

    routed: Routed
    reason: str = ""


Choose = Callable[[Case, Findings], Placement]


class Desk:
    """Operators' placements. Every call is one transaction; asking twice for the same does no harm.

    `own_text` cuts from an agent's mail what it quotes: a dead letter may be one.
    """

    def __init__(
        self,
        *,
        store: RoutingStore,
        policies: Policies,
        source: str,
        clock: Callable[[], datetime],
        own_text: Callable[[str], str] = str,
    ) -> None:
        self._store = store
        self._policies = policies
        self._source = source
        self._clock = clock
        self._router = BatchRouter(store=store, policies=policies, source=source, clock=clock, own_text=own_text)
        self._keyring = Keyring(store=store, clock=clock)

    async def link(
        self, message_id: int, ticket_number: str, *, by: str = "an operator", reach: Reach | None = None
    ) -> Filed:
        """Put a held message on a ticket; its sender takes part from now on, unless the check of the sender failed.

        A closed ticket opens again, unless a machine wrote the message. Raises `NotHeldError`, `NoSuchTicketError`.
        """

        def choose(case: Case, findings: Findings) -> Placement:
            named = next((t for t in case.view.tickets.values() if t.number == ticket_number), None)
            if named is not None and reach is not None:
                reach.check_other(case.view, named)
            ticket = case.view.standing(named.id) if named is not None else None
            if ticket is None or ticket.scope != case.message.message.scope:
                raise NoSuchTicketError(f"no ticket {ticket_number} in the scope of this message")
            return linked(case, findings, ticket, why=f"Put on ticket {ticket.number} by {by}.")

        return await self._file(message_id, choose, by=by, ticket_number=ticket_number, reach=reach)

    async def open(self, message_id: int, *, by: str = "an operator", reach: Reach | None = None) -> Filed:
        """Open a ticket for a held message. Raises `NotHeldError`."""

        def choose(case: Case, findings: Findings) -> Placement:
            placement = opened(findings, rule=Rule.OPERATOR, why=f"Opened by {by}.")
            return placement.by_agent() if case.message.staff else placement

        return await self._file(message_id, choose, by=by, reach=reach)

    async def forward(self, message_id: int, *, by: str = "an operator") -> Filed:
        """Send a held message on to the old desk whose mail it is, and what comes about the same old ticket, too.

        Raises `NotHeldError`, and `DeskError` when no old desk takes it.
        """

        def choose(case: Case, findings: Findings) -> Placement:
            mark = next(iter(case.view.old.marks(case.message)), None)
            if mark is None or not mark.desk.forward_to:
                raise DeskError("nothing in it speaks of an old desk that has a forward_to in the settings")
            why = f"Sent on to the old desk {mark.desk.name} by {by}."
            to, about = mark.desk.forward_to, evidence(mark)
            return forwarded(findings, rule=Rule.OPERATOR, why=why, to=to, evidence=about)

        return await self._file(message_id, choose, by=by, again="forwarded")

    async def discard(self, message_id: int, *, by: str = "an operator", reach: Reach | None = None) -> Filed:
        """Take a held message out of the spool for good; it is kept and counted. Raises `NotHeldError`."""

        def choose(case: Case, findings: Findings) -> Placement:
            del case
            return discarded(findings, why=f"Discarded by {by}.")

        return await self._file(message_id, choose, by=by, again="discarded", reach=reach)

    async def retry(self, dead_letter_id: int) -> Retried:
        """Route a dead letter in its place. When it fails again it stays, with the new reason.

        Raises `NoSuchDeadLetterError`, `DeskError` for a record of another schema, and whatever is our own trouble.
        """
        letter = await self._store.dead_letter(dead_letter_id)
        if letter is None:
            raise NoSuchDeadLetterError(f"no open dead letter {dead_letter_id}")
        message = _decoded(letter)
        if isinstance(message, Undecodable):
            await self._store.failed_again(letter.id, message.reason, "")
            return Retried(routed=Routed(), reason=message.reason)
        return await self._revive(letter, message)

    async def _revive(self, letter: StoredDeadLetter, message: InboundMessage) -> Retried:
        routable = Routable(message=message, partition=letter.partition, offset=letter.offset)
        part = Part(log=NO_LOG, moves=(), messages=[routable], revived=letter.id)
        try:
            return Retried(routed=await patiently(self._store, lambda: self._router.route(part)))
        except FencedError as error:
            raise NoSuchDeadLetterError(f"dead letter {letter.id} was just taken by somebody else") from error
        except Exception as error:
            fault, sqlstate = self._store.fault_of(error)
            if fault not in (Fault.RECORD, Fault.UNKNOWN):
                raise
            reason = failure_reason(error, sqlstate)
        await self._store.failed_again(letter.id, reason, sqlstate)
        return Retried(routed=Routed(), reason=reason)

    async def _file(
        self,
        message_id: int,
        choose: Choose,
        *,
        by: str,
        ticket_number: str = "",
        again: str = "ticketed",
        reach: Reach | None = None,
    ) -> Filed:
        """Place a held message and the held answers to it."""
        request = _Request(
            message_id=message_id, choose=choose, by=by, ticket_number=ticket_number, again=again, reach=reach
        )
        return await claiming(self._store, partial(self._attempt, request))

    async def _attempt(self, request: "_Request", extra: frozenset[IdKey]) -> Filed:
        async with self._store.transaction() as transaction:
            row = await transaction.held_message(request.message_id)
            if row is None:
                return await _placed_before(transaction, request)
            if request.reach is not None and not request.reach.reaches(row.account):
                raise NotHeldError(f"no held message {row.id}")
            signer = await self._keyring.signer()
            message = receive(message_of(row), message_id=row.id, policies=self._policies, signer=signer)
            wanted = Wanted(ids=extra, held=frozenset({row.id}), tickets=await _tickets(transaction, request))
            view = await read_view(transaction, [message], self._policies, wanted, signer)
            if row.id not in view.waiting:
                return await _placed_before(transaction, request)
            await transaction.reserve_ticket_ids(1)
            now = self._clock()
            placer = self._placer(transaction, view, now)
            filed = self._place(placer, view, view.waiting[row.id], request)
            await transaction.write(changes_of(placer, view, (), (), now))
            return filed

    def _placer(self, transaction: RoutingTransaction, view: View, now: datetime) -> Placer:
        return Placer(
            view=view,
            policies=self._policies,
            announcer=Announcer(source=self._source, now=now),
            new_tickets=NewTickets(next_id=transaction.next_ticket_id, number=transaction.ticket_number),
        )

    def _place(self, placer: Placer, view: View, message: Incoming, request: "_Request") -> Filed:
        policy = self._policies.of(message.message.account)
        case = Case(message=message, view=view, policy=policy)
        placement = request.choose(case, search(case))
        if placement.ticket is not None:
            placer.admit(placement.ticket, message)
        placer.place(message, placement)
        bind_chosen(placer.placed[message.id], view, by=request.by, now=self._clock())
        return Filed(ticket=placer.placed[message.id].decision.ticket, released=len(placer.placed) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What a person asked for. `again` is the state in which the same request has been fulfilled before."""

    message_id: int
    choose: Choose
    by: str
    ticket_number: str
    again: str
    reach: Reach | None = None


def linked(case: Case, findings: Findings, ticket: Ticket, *, why: str, internal: bool = False) -> Placement:
    """Put a message on a ticket because somebody says so. What staff wrote there is for agents: nothing was sent.

    `internal`: it was internal before, and so it stays.
    """
    candidate = Candidate(ticket, Evidence(source=Source.OPERATOR))
    internal = internal or case.message.staff or is_internal(case, candidate)
    placement = joined(
        findings,
        rule=Rule.OPERATOR,
        ticket=ticket,
        evidence=candidate.evidence,
        reopened=reopens(case, ticket) and not internal,
        why=why,
        visibility=Visibility.INTERNAL if internal else Visibility.PUBLIC,
    )
    return placement.by_agent() if case.message.staff else placement


async def _tickets(transaction: RoutingTransaction, request: _Request) -> frozenset[int]:
    if not request.ticket_number:
        return frozenset()
    ticket_id = await transaction.ticket_id(request.ticket_number)
    if ticket_id is None:
        raise NoSuchTicketError(f"no ticket {request.ticket_number}")
    return frozenset({ticket_id})


async def _placed_before(transaction: RoutingTransaction, request: _Request) -> Filed:
    """Say yes if the message is where it was asked to go, else say where it is."""
    found = await transaction.whereabouts(request.message_id)
    if found is None:
        raise NotHeldError(f"no message {request.message_id}")
    state, number = found
    if state == request.again and number == request.ticket_number:
        return Filed(ticket=number, released=0)
    where = f"it is on ticket {shown(number)}" if number else f"it is {state}"
    raise NotHeldError(f"message {request.message_id} is not held: {where}")


def _decoded(letter: StoredDeadLetter) -> InboundMessage | Undecodable:
    try:
        return decode(letter.value, [(name, b64decode(content)) for name, content in letter.headers])
    except UnknownSchemaError as error:
        raise DeskError(f"dead letter {letter.id}: {error}") from error
