"""Locks and reads everything that a batch can be decided with, in the one order of locks, one statement a step."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from router.findings import known_proposals, quoted_proposals
from router.incoming import Incoming, receive
from router.policy import Policies
from router.ports import QuotedLookup, RoutingTransaction
from router.rules.by_sender import applies
from router.stored import message_of
from router.view import Ticket, View
from schemas.routing_rows import IdKey


class ClaimsGrownError(Exception):
    """Held messages carry ids that were not claimed: roll back and claim them, too, in sorted order."""

    def __init__(self, keys: Collection[IdKey]) -> None:
        super().__init__(f"{len(keys)} more ids to claim")
        self.keys = frozenset(keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to read beside what the messages name: ids of an earlier try, held messages and tickets of an operator."""

    ids: frozenset[IdKey] = frozenset()
    held: frozenset[int] = frozenset()
    tickets: frozenset[int] = frozenset()


async def read_view(
    transaction: RoutingTransaction, messages: Sequence[Incoming], policies: Policies, wanted: Wanted
) -> View:
    """Give the view for these messages. Raises `ClaimsGrownError` when a held message's ids must be claimed first."""
    view = View()
    matches = {m.match: m.message.scope for m in messages if applies(m, policies.of(m.message.account))}
    keys = {key for message in messages for key in _ids(message)} | wanted.ids
    keys |= {(scope, match) for match, scope in matches.items()}
    view.add_threads(await transaction.lock_ids(keys))
    await _read_known(transaction, view)
    reached = await _reached(transaction, view, messages, keys)
    await _read_held(transaction, view, reached | wanted.held, policies)
    everyone = (*messages, *view.waiting.values())
    await _read_quoted(transaction, view, everyone)
    matching = await transaction.open_matches(matches) if matches else ()
    await _read_tickets(transaction, view, everyone, wanted.tickets.union(matching))
    return view


def _ids(message: Incoming) -> Iterator[IdKey]:
    if message.own is not None:
        yield message.own
    for quote in message.quoted:
        yield quote.key


async def _reached(
    transaction: RoutingTransaction, view: View, messages: Sequence[Incoming], claimed: Collection[IdKey]
) -> set[int]:
    """Find the held messages that these may release. Their ids must be ours before anything is decided."""
    own = {message.own for message in messages if message.own is not None and _may_release(message, view)}
    reached = await transaction.reached_from(own) if own else ()
    missing = {(row.scope, row.digest) for row in reached}.difference(claimed)
    if missing:
        raise ClaimsGrownError(missing)
    return {row.message_id for row in reached}


def _may_release(message: Incoming, view: View) -> bool:
    """Whether its id can become known by this message, or is: an id that is another's, or reused, releases nothing."""
    row = view.threads[message.own] if message.own else None
    if row is None or row.reused:
        return False
    return row.known_message_id in (None, message.id) or view.takes_over(message)


async def _read_held(
    transaction: RoutingTransaction, view: View, message_ids: Collection[int], policies: Policies
) -> None:
    for row in await transaction.lock_held(message_ids) if message_ids else ():
        held = receive(
            message_of(row), message_id=row.id, policies=policies, partition=row.partition, offset=row.offset
        )
        view.add_waiting(held)


async def _read_known(transaction: RoutingTransaction, view: View) -> None:
    known = {row.known_message_id for row in view.threads.values() if row.known_message_id is not None}
    if known:
        view.messages = {row.id: row for row in await transaction.known(known)}


async def _read_quoted(transaction: RoutingTransaction, view: View, everyone: Sequence[Incoming]) -> None:
    lookups = {lookup for message in everyone for lookup in _lookups(message, view)}
    if lookups:
        view.add_quoted(await transaction.quoted(lookups))


def _lookups(message: Incoming, view: View) -> Iterator[QuotedLookup]:
    """Name the rows about ids that nobody here owns: the sender's, and those of people in To and Cc."""
    if message.anonymous:
        return
    for quote in message.quoted:
        if view.threads[quote.key].known_message_id is None:
            yield *quote.key, message.sender
    for key, member in message.namings():
        if view.threads[key].known_message_id is None:
            yield *key, member


async def _read_tickets(
    transaction: RoutingTransaction, view: View, everyone: Iterable[Incoming], others: Collection[int]
) -> None:
    proposals = (p for m in everyone for found in (known_proposals, quoted_proposals) for p in found(m, view))
    wanted = {proposal.ticket_id for proposal in proposals} | set(others)
    if not wanted:
        return
    for row, continues_number in await transaction.lock_tickets(wanted):
        view.add_ticket(Ticket.stored(row, continues_number))
    view.add_participants(await transaction.participants(view.tickets.keys()))
