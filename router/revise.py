"""Revisions: a message that was parsed again comes under its delivery key with a higher `normalizer_version`.

Its text, files and details are replaced in place. Its ticket, decision, times and thread ids stay, no clock moves and
no notice goes out; a held message is decided anew afterwards (`router/second_look.py`). The record counts as a
duplicate of the kind `revision`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from router.announce import Announcer, Seen
from router.placed import Double
from router.ports import RoutingTransaction
from router.reading import ClaimsGrownError
from router.stored import blob_rows, details_of, fetch_rows
from router.view import Ticket, View
from schemas.media_rows import FetchRow
from schemas.placement import Author, Rule, Visibility
from schemas.revision_rows import RevisableRow, RevisedRow
from schemas.routing_rows import BlobRefRow, HeldIdRow, OutboxRow

KIND = "revision"


@dataclass(slots=True, kw_only=True)
class Revisions:
    """Everything that revisions of one batch write."""

    messages: list[RevisedRow] = field(default_factory=list)
    held_ids: list[HeldIdRow] = field(default_factory=list)
    blobs: list[BlobRefRow] = field(default_factory=list)
    fetches: list[FetchRow] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)


async def to_revise(transaction: RoutingTransaction, doubles: Sequence[Double]) -> dict[int, RevisableRow]:
    """Give the stored messages of which a newer reading came, by id. Asks nothing when nothing came twice."""
    read = {double.original: double.message.message.normalizer_version for double in doubles if double.original}
    if not read:
        return {}
    stored = await transaction.revisable(read.keys(), lock=False)
    return {row.id: row for row in stored if row.normalizer_version < read[row.id]}


async def confirm(transaction: RoutingTransaction, found: Mapping[int, RevisableRow]) -> None:
    """Lock the messages, behind their tickets. Raises `ClaimsGrownError` when one has moved meanwhile: begin again."""
    if not found:
        return
    locked = {row.id: row for row in await transaction.revisable(found.keys(), lock=True)}
    if locked != dict(found):
        raise ClaimsGrownError(())


def revise(
    doubles: Sequence[Double], found: Mapping[int, RevisableRow], view: View, announcer: Announcer
) -> tuple[list[Double], Revisions]:
    """Give the doubles with their kinds, and what is written. Of several readings of one message the newest counts."""
    newest: dict[int, Double] = {}
    for double in doubles:
        stored = found.get(double.original or 0)
        version = double.message.message.normalizer_version
        if stored is None or version <= stored.normalizer_version:
            continue
        before = newest.get(stored.id)
        if before is None or version > before.message.message.normalizer_version:
            newest[stored.id] = double
    revisions = Revisions()
    for message_id, double in sorted(newest.items()):
        _revise(
            revisions, double, found[message_id], announcer=announcer, ticket=view.ticket(found[message_id].ticket_id)
        )
    chosen = {id(double) for double in newest.values()}
    return [replace(double, kind=KIND) if id(double) in chosen else double for double in doubles], revisions


def _revise(
    revisions: Revisions, double: Double, stored: RevisableRow, *, announcer: Announcer, ticket: Ticket | None
) -> None:
    message = replace(double.message, id=stored.id)
    inbound = message.message
    revisions.messages.append(
        RevisedRow(
            stored.id,
            inbound.kind,
            message.sender,
            inbound.sender.address,
            inbound.sender.name,
            inbound.subject,
            inbound.text.content,
            inbound.html.content if inbound.html else None,
            inbound.automatic,
            inbound.sent_at,
            inbound.normalizer_version,
            details_of(inbound),
            announcer.now,
        )
    )
    revisions.blobs.extend(blob_rows(message, "message"))
    revisions.fetches.extend(fetch_rows(message, announcer.now))
    if stored.state == "held":
        revisions.held_ids.extend(HeldIdRow(*quote.key, stored.id) for quote in message.quoted)
    if ticket is not None:
        seen = Seen(Rule(stored.rule), Author(stored.author), Visibility(stored.visibility))
        revisions.outbox.append(announcer.revised(ticket, message, seen))
