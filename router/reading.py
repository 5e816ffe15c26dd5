"""Locks and reads everything that a batch can be decided with, in the one order of locks, one statement a step."""

from collections.abc import Collection, Iterator, Sequence

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


async def read_view(
    transaction: RoutingTransaction, messages: Sequence[Incoming], policies: Policies, extra: frozenset[IdKey]
) -> View:
    """Give the view for these messages. Raises `ClaimsGrownError` when a held message's ids must be claimed first."""
    view = View()
    matches = {m.match: m.message.scope for m in messages if applies(m, policies.of(m.message.account))}
    keys = {key for message in messages for key in _ids(message)} | extra
    keys |= {(scope, match) for match, scope in matches.items()}
    view.add_threads(await transaction.lock_ids(keys))
    await _read_held(transaction, view, messages, policies, keys)
    everyone = (*messages, *view.waiting.values())
    await _read_ids(transaction, view, everyone)
    await _read_tickets(transaction, view, await transaction.open_matches(matches) if matches else ())
    return view


def _ids(message: Incoming) -> Iterator[IdKey]:
    if message.own is not None:
        yield message.own
    for quote in message.quoted:
        yield quote.key


async def _read_held(
    transaction: RoutingTransaction,
    view: View,
    messages: Sequence[Incoming],
    policies: Policies,
    claimed: Collection[IdKey],
) -> None:
    """Take the held messages that this batch may release. Their ids must be ours before anything is decided."""
    own = {message.own for message in messages if message.own is not None}
    reached = await transaction.reached_from(own) if own else ()
    missing = {(row.scope, row.digest) for row in reached}.difference(claimed)
    if missing:
        raise ClaimsGrownError(missing)
    if not reached:
        return
    for row in await transaction.lock_held({row.message_id for row in reached}):
        held = receive(
            message_of(row), message_id=row.id, policies=policies, partition=row.partition, offset=row.offset
        )
        view.add_waiting(held)


async def _read_ids(transaction: RoutingTransaction, view: View, everyone: Sequence[Incoming]) -> None:
    known = {row.known_message_id for row in view.threads.values() if row.known_message_id is not None}
    if known:
        view.messages = {row.id: row for row in await transaction.known(known)}
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


async def _read_tickets(transaction: RoutingTransaction, view: View, matching: Collection[int]) -> None:
    proposed = {row.ticket_id for row in view.messages.values()} | {row.ticket_id for row in view.quoted.values()}
    wanted = {ticket_id for ticket_id in proposed if ticket_id is not None} | set(matching)
    if not wanted:
        return
    for row, continues_number in await transaction.lock_tickets(wanted):
        view.add_ticket(Ticket.stored(row, continues_number))
    view.add_participants(await transaction.participants(view.tickets.keys()))
