"""Reads what rule 5 needs: nothing at all unless there is an old desk, and a message that may be its mail.

Ids that exports name are looked up before the locks, since they say which old tickets are meant; where those go on is
read under the locks, so that two workers never open two tickets for one old one.
"""

from collections.abc import Collection, Iterable, Sequence

from router.incoming import Incoming
from router.ports import RoutingTransaction
from router.view import View
from schemas.legacy import OldKey, old_ticket_key
from schemas.routing_rows import IdKey


async def name_old_tickets(
    transaction: RoutingTransaction, messages: Sequence[Incoming], view: View
) -> frozenset[OldKey]:
    """Give the old tickets that these messages speak of. One statement, if one quotes anything."""
    quoted = {quote.key[1] for message in messages if message.desks for quote in message.quoted}
    if quoted:
        view.old.add_ids(await transaction.old_ids(quoted))
    return frozenset(mark.key for message in messages for mark in view.old.marks(message) if mark.number)


def old_keys(messages: Iterable[Incoming], view: View) -> set[IdKey]:
    """Give the ids that stand for these old tickets, to be claimed with the messages' own."""
    return {key for message in messages for key in waiting_keys(message, view)}


def waiting_keys(message: Incoming, view: View) -> list[IdKey]:
    """Give the ids under which a held message waits for somebody to say where its old ticket goes on."""
    marks = view.old.marks(message)
    return [old_ticket_key(message.message.scope, mark.key) for mark in marks if mark.number]


def awaited_by(message: Incoming, view: View) -> set[IdKey]:
    """Give all that a held message waits for: originals, and somebody who says where its old ticket goes on."""
    return {quote.key for quote in message.quoted}.union(waiting_keys(message, view))


async def read_old_tickets(transaction: RoutingTransaction, old: Collection[OldKey], view: View) -> frozenset[int]:
    """Read old tickets that are claimed; give the tickets on which they go on."""
    if not old:
        return frozenset()
    view.old.add(await transaction.old_tickets(old))
    return frozenset(row.ticket_id for row in view.old.rows.values() if row.ticket_id is not None)
