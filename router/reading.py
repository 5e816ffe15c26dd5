"""Locks and reads everything that a batch can be decided with, in the one order of locks, one statement a step."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from router.contacts import contact_key
from router.echoes import read_echoes
from router.incoming import Incoming, receive
from router.legacy_reading import name_old_tickets, old_keys, read_old_tickets
from router.outgoing import OUT
from router.policy import Policies
from router.ports import QuotedLookup, RoutingTransaction
from router.proposals import proposals, wanted_tags
from router.rules.by_change import changes_stored
from router.rules.by_receipt import named_up_to, receipted
from router.rules.by_report import reported_messages
from router.rules.by_sender import applies
from router.stored import message_of
from router.tokens import Signer
from router.view import Ticket, View
from schemas.routing_rows import HeldMessageRow, IdKey, KnownRow

LEADS: Final = 3
"""How often tickets are looked for once more because one was merged between reading and locking."""


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
    transaction: RoutingTransaction,
    messages: Sequence[Incoming],
    policies: Policies,
    wanted: Wanted,
    signer: Signer | None = None,
) -> View:
    """Give the view for these messages. Raises `ClaimsGrownError` when a held message's ids must be claimed first."""
    view = View()
    matches = {m.match for m in messages if applies(m, policies.of(m.message.account))}
    keys = {key for message in messages for key in _ids(message)} | wanted.ids
    old = await name_old_tickets(transaction, messages, view)
    keys |= old_keys(messages, view)
    view.add_threads(await transaction.lock_ids(keys))
    if matches:
        await transaction.lock_matches(matches)
    await _read_talks(transaction, view, messages)
    proven = await _read_proofs(transaction, view, messages)
    bound = await read_old_tickets(transaction, old, view)
    await _read_known(transaction, view, messages)
    reached = await _reached(transaction, view, messages, keys)
    for row in await transaction.lock_held(reached | wanted.held) if reached or wanted.held else ():
        view.add_waiting(_waiting(row, policies, signer))
    _check_claimed(view, keys)
    await _read_known(transaction, view, view.waiting.values())
    everyone = (*messages, *view.waiting.values())
    await _read_quoted(transaction, view, everyone)
    await _read_numbers(transaction, view, everyone)
    matching = await transaction.open_matches(matches) if matches else ()
    await _read_tickets(transaction, view, everyone, wanted.tickets.union(matching, bound, proven))
    await _read_contacts(transaction, view, messages)
    await _read_sent(transaction, view, everyone)
    await _read_spoken(transaction, view, everyone)
    await read_echoes(transaction, view, messages)
    return view


def _ids(message: Incoming) -> Iterator[IdKey]:
    if message.own is not None:
        yield message.own
    if message.album is not None:
        yield message.album
    for quote in message.quoted:
        yield quote.key


async def _read_talks(transaction: RoutingTransaction, view: View, messages: Sequence[Incoming]) -> None:
    """Lock the conversations of a batch: nobody else decides about them until it is over."""
    talks = {key for message in messages if (key := message.conversation_key) is not None}
    if talks:
        view.add_talks(await transaction.lock_conversations(talks))


async def _read_proofs(transaction: RoutingTransaction, view: View, messages: Sequence[Incoming]) -> frozenset[int]:
    """Lock the proofs that people bring, and give the tickets for which they were made."""
    digests = {digest for message in messages if message.proof is not None for digest in message.proof.digests}
    rows = await transaction.lock_proofs(digests) if digests else ()
    view.add_proofs(rows)
    return frozenset(row.ticket_id for row in rows)


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


def _check_claimed(view: View, claimed: Collection[IdKey]) -> None:
    """Make sure that the ids of held messages are ours, also of those that a newer reading names and no id reaches."""
    missing = {key for message in view.waiting.values() for key in _ids(message)}.difference(claimed)
    if missing:
        raise ClaimsGrownError(missing)


def _may_release(message: Incoming, view: View) -> bool:
    """Whether its id can become known by this message, or is: an id that is another's, or reused, releases nothing."""
    row = view.threads[message.own] if message.own else None
    if row is None or row.reused:
        return False
    return row.known_message_id in (None, message.id) or view.takes_over(message)


def _waiting(row: HeldMessageRow, policies: Policies, signer: Signer | None) -> Incoming:
    return receive(
        message_of(row),
        message_id=row.id,
        policies=policies,
        signer=signer,
        partition=row.partition,
        offset=row.offset,
    )


async def _read_known(transaction: RoutingTransaction, view: View, messages: Iterable[Incoming]) -> None:
    """Read the messages whose ids are locked, and those whose tokens are carried, unless they are here."""
    known = {row.known_message_id for row in view.threads.values() if row.known_message_id is not None}
    known |= {token.claim.message_id for message in messages for token in message.tokens.ours}
    known -= view.asked
    if known:
        view.asked |= known
        found = await transaction.known(known)
        view.messages |= {row.id: row for row in found}
        wholes = {row.part_of for row in found if row.part_of is not None} - view.asked
        if wholes:
            view.asked |= wholes
            view.messages |= {row.id: row for row in await transaction.known(wholes)}


async def _read_quoted(transaction: RoutingTransaction, view: View, everyone: Sequence[Incoming]) -> None:
    lookups = {lookup for message in everyone for lookup in _lookups(message, view)}
    if lookups:
        view.add_quoted(await transaction.quoted(lookups))


def _lookups(message: Incoming, view: View) -> Iterator[QuotedLookup]:
    """Name the rows about ids that nobody here owns: the sender's, and those of people in To and Cc.

    Of an id that has an owner only what an operator taught the sender's.
    """
    if message.anonymous:
        return
    for quote in message.quoted:
        row = view.threads[quote.key]
        if row.known_message_id is None or row.taught:
            yield *quote.key, message.sender
    for key, member in message.namings():
        if view.threads[key].known_message_id is None:
            yield *key, member


async def _read_numbers(transaction: RoutingTransaction, view: View, everyone: Iterable[Incoming]) -> None:
    numbers = {number for message in everyone for number in wanted_tags(message)}
    if numbers:
        view.numbers = dict(await transaction.tickets_by_numbers(numbers))


async def _read_tickets(
    transaction: RoutingTransaction, view: View, everyone: Collection[Incoming], others: Collection[int]
) -> None:
    """Lock and read all that is named. A ticket that was merged meanwhile leads on to one that is not here yet."""
    wanted = {proposal.ticket_id for message in everyone for proposal in proposals(message, view)} | set(others)
    changed = changes_stored(everyone, view)
    wanted |= {row.ticket_id for row in changed.values() if row.ticket_id is not None}
    wanted |= {found.ticket_id for found in _reported(everyone, view) if found.ticket_id is not None}
    for _ in range(LEADS):
        if not wanted:
            break
        for row, continues_number in await transaction.lock_tickets(wanted):
            view.add_ticket(Ticket.stored(row, continues_number))
        wanted = {t.merged_into_id for t in view.tickets.values() if t.merged_into_id is not None}.difference(
            view.tickets
        )
    if view.tickets:
        view.add_participants(await transaction.participants(view.tickets.keys()))
    await _read_amendable(transaction, view, changed)


async def _read_amendable(transaction: RoutingTransaction, view: View, changed: Mapping[int, KnownRow]) -> None:
    """Lock the messages that edits and later parts change, behind their tickets; begin again when one has moved."""
    if not changed:
        return
    view.amendable = {row.id: row for row in await transaction.lock_amendable(changed.keys())}
    if any(row.ticket_id != changed[row.id].ticket_id for row in view.amendable.values()):
        raise ClaimsGrownError(())


def _reported(everyone: Iterable[Incoming], view: View) -> list[KnownRow]:
    """Give the messages of ours about which somebody reports."""
    named = {message_id for message in everyone for message_id in reported_messages(message)}
    named |= {row.id for message in everyone for row in receipted(message, view)}
    return [found for found in map(view.messages.get, named) if found is not None and found.direction == OUT]


async def _read_spoken(transaction: RoutingTransaction, view: View, everyone: Iterable[Incoming]) -> None:
    """Read what was said on the tickets that staff answers: what is sent on names what it answers."""
    answered = {proposal.ticket_id for m in everyone if m.staff for proposal in proposals(m, view)}
    found = {ticket.id for ticket in map(view.standing, answered) if ticket is not None}
    if found:
        view.add_spoken(await transaction.spoken_on(found))


async def _read_contacts(transaction: RoutingTransaction, view: View, messages: Iterable[Incoming]) -> None:
    """Lock what is known of the chats of a batch: whoever writes can be written to again."""
    keys = {key for message in messages if (key := contact_key(message)) is not None}
    if keys:
        rows = await transaction.contacts_of(keys)
        view.contacts = {(row.account, row.address_key): row for row in rows}


async def _read_sent(transaction: RoutingTransaction, view: View, everyone: Iterable[Incoming]) -> None:
    reported = {found.id for found in _reported(everyone, view)}
    covered = named_up_to(everyone, view)
    if covered:
        for row_id, earlier in await transaction.sends_up_to(covered):
            view.sent_before[row_id].append(earlier)
            reported.add(earlier)
        unread = reported - view.messages.keys()
        view.messages |= {row.id: row for row in await transaction.known(unread)} if unread else {}
    if reported:
        view.add_sent(await transaction.lock_sends(reported))
