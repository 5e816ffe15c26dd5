"""A message as a row and back. Columns hold what is searched and shown; `details` the rest, without defaults."""

from datetime import datetime
from typing import Any, Final

from router.incoming import Incoming
from router.placed import Placed
from schemas.media_rows import FetchRow
from schemas.message import BlobRef, FileState, InboundMessage
from schemas.routing_rows import BlobRefRow, HeldMessageRow, MessageRow

IN_COLUMNS: Final[dict[str, Any]] = {
    **dict.fromkeys(("kind", "channel", "account", "scope", "delivery_key", "fingerprint", "normalizer_version"), True),
    **dict.fromkeys(("received_at", "sent_at", "sender", "automatic", "subject", "raw"), True),
    "text": {"content"},
    "html": {"content"},
}
"""Fields of `InboundMessage` that stand in columns of their own, and so not in `details`."""


def message_row(placed: Placed) -> MessageRow:
    """Make the row of a new message."""
    message, inbound = placed.message, placed.message.message
    return MessageRow(
        id=message.id,
        ticket_id=placed.ticket.id if placed.ticket else None,
        state=placed.state,
        kind=inbound.kind,
        channel=inbound.channel,
        account=inbound.account,
        scope=inbound.scope,
        delivery_key=bytes.fromhex(inbound.delivery_key),
        fingerprint=bytes.fromhex(inbound.fingerprint) if inbound.fingerprint else None,
        own_digest=message.own[1] if message.own else None,
        sender_key=message.sender,
        sender_address=inbound.sender.address,
        sender_name=inbound.sender.name,
        subject=inbound.subject,
        body_text=inbound.text.content,
        body_html=inbound.html.content if inbound.html else None,
        automatic=inbound.automatic,
        verdict=inbound.verdict.result,
        received_at=inbound.received_at,
        sent_at=inbound.sent_at,
        normalizer_version=inbound.normalizer_version,
        raw_sha256=bytes.fromhex(inbound.raw.sha256),
        raw_size=inbound.raw.size,
        details=details_of(inbound),
        decision=placed.decision.model_dump_json(exclude_defaults=True),
        partition=message.partition,
        offset=message.offset,
        author=placed.author,
        visibility=placed.visibility,
        conversation=message.conversation,
        part_of=placed.part_of,
    )


def details_of(message: InboundMessage) -> str:
    """Give what stands in no column of its own, as JSON without defaults."""
    return message.model_dump_json(exclude_defaults=True, exclude=IN_COLUMNS)


def message_of(row: HeldMessageRow) -> InboundMessage:
    """Give the message that a row was made of."""
    html = None if row.body_html is None else {**(row.details.get("html") or {}), "content": row.body_html}
    return InboundMessage.model_validate(
        {
            **row.details,
            "kind": row.kind,
            "channel": row.channel,
            "account": row.account,
            "scope": row.scope,
            "delivery_key": row.delivery_key.hex(),
            "fingerprint": row.fingerprint.hex() if row.fingerprint else None,
            "sender": {"address": row.sender_address, "name": row.sender_name},
            "subject": row.subject,
            "text": {**row.details.get("text", {}), "content": row.body_text},
            "html": html,
            "automatic": row.automatic,
            "received_at": row.received_at,
            "sent_at": row.sent_at,
            "normalizer_version": row.normalizer_version,
            "raw": {"sha256": row.raw_sha256.hex(), "size": row.raw_size},
        }
    )


def blob_rows(message: Incoming, owner_kind: str) -> list[BlobRefRow]:
    """Give the rows that keep a message's blobs."""
    return [BlobRefRow(digest, owner_kind, message.id) for digest in blob_digests(message.message)]


def fetch_rows(message: Incoming, now: datetime) -> list[FetchRow]:
    """Give the rows that let a message's files be fetched from where they lie."""
    inbound = message.message
    ids = {file.platform_id for file in inbound.files if file.state is FileState.PENDING and file.platform_id}
    return [FetchRow(message.id, one, inbound.account, now) for one in sorted(ids)]


def blob_digests(message: InboundMessage) -> list[bytes]:
    """Name every blob of a message, once: its raw, long texts, files."""
    texts = [text.overflow for text in (message.text, message.html) if text is not None]
    named: list[BlobRef | None] = [message.raw, *texts, *(file.blob for file in message.files)]
    return [bytes.fromhex(digest) for digest in {blob.sha256 for blob in named if blob is not None}]
