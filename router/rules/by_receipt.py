"""Receipts of a platform: how far messages of ours have come. They reopen nothing and are nobody's message."""

from collections.abc import Iterable, Iterator

from router.findings import Findings
from router.gates import Case
from router.incoming import Incoming
from router.outgoing import OUT
from router.placement import Placement, noted
from router.receipts import is_up_to, receipt_of, received
from router.view import View
from schemas.message import Kind
from schemas.placement import Evidence, Relation, Rule, Source
from schemas.routing_rows import KnownRow
from schemas.sending_rows import SentRow


def by_receipt(case: Case, _findings: Findings) -> Placement | None:
    """Change how far the messages have come that a receipt names, and those before, if it says so."""
    message = case.message
    named = receipted(message, case.view)
    sent = list(_sent(message, named, case.view))
    if not sent or not case.policy.trusts(message.message.verdict.result):
        return None
    evidence = tuple(Evidence(source=Source.IN_REPLY_TO, relation=Relation.KNOWN, message_id=row.id) for row in named)
    deliveries = tuple(received(row, message.message) for row in sent)
    why = f"It says of what we sent: {receipt_of(message.message)}."
    return noted(why=why, rule=Rule.RECEIPT, evidence=evidence).receiving(deliveries)


def receipted(message: Incoming, view: View) -> list[KnownRow]:
    """Give the messages of ours that a receipt names, those of its own conversation alone."""
    if message.message.kind is not Kind.RECEIPT or not receipt_of(message.message):
        return []
    owners = (view.owner(quote.key) for quote in message.quoted if not view.is_reused(quote.key))
    found = {row.id: row for row in owners if row is not None and row.direction == OUT}
    return [row for row in found.values() if row.conversation in (None, message.conversation)]


def named_up_to(messages: Iterable[Incoming], view: View) -> set[int]:
    """Give the messages of ours up to which receipts cover a conversation."""
    return {row.id for message in messages if is_up_to(message.message) for row in receipted(message, view)}


def _sent(message: Incoming, named: Iterable[KnownRow], view: View) -> Iterator[SentRow]:
    ids = [row.id for row in named]
    if is_up_to(message.message):
        ids += [earlier for row_id in ids for earlier in view.sent_before.get(row_id, ())]
    found = (view.sent.get(row_id) for row_id in dict.fromkeys(ids))
    return (row for row in found if row is not None)
