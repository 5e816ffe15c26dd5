"""What messages of all platforms with conversations share: their ids, their delivery keys, their bodies.

    conversation   <channel>:<account>:<chat>             a private chat has one person, a group has many
    message        <channel>:<account>:<chat>:<message>   theirs and ours alike

A platform's own ids are data: a colon inside one is written `%3A`, so that no two messages share an id.
"""

from hashlib import sha256
from typing import Final

from connectors.base import Account, Delivery
from schemas.base import MAX_INLINE_TEXT_BYTES
from schemas.message import BlobRef, Envelope, InboundMessage, Kind, Party, Text, ThreadId

KEY_VERSION: Final = "1"
SHOWN: Final = 255
"""Letters of an id that are kept for display (`ThreadId.shown`)."""
NOBODY: Final = "unknown"


def thread_id(shown: str) -> ThreadId:
    """Make an id; what is compared is the digest of all of it."""
    return ThreadId(digest=sha256(shown.encode("utf-8", "replace")).hexdigest(), shown=shown[:SHOWN])


def conversation_id(account: Account, chat: str) -> ThreadId:
    """Give a conversation's id."""
    return thread_id(f"{account.channel}:{account.name}:{_part(chat)}")


def message_id(account: Account, chat: str, message: str) -> ThreadId:
    """Give a message's id; `message` is the platform's own."""
    return thread_id(f"{account.channel}:{account.name}:{_part(chat)}:{_part(message)}")


def delivery_key(account: Account, *identity: str) -> str:
    """Give what identifies a delivery over retries, intakes and parser versions."""
    parts = (KEY_VERSION, account.channel, account.name, *identity)
    return sha256("\0".join(part.replace("\0", "") for part in parts).encode("utf-8", "replace")).hexdigest()


def body(content: str) -> tuple[Text, tuple[bytes, ...]]:
    """Keep 128 KiB of UTF-8 in the record, cut at a letter; the whole becomes a blob when it is longer."""
    encoded = content.encode("utf-8", "replace")
    if len(encoded) <= MAX_INLINE_TEXT_BYTES:
        return Text(content=content), ()
    cut = encoded[:MAX_INLINE_TEXT_BYTES].decode("utf-8", "ignore")
    return Text(content=cut, overflow=blob_ref(encoded)), (encoded,)


def blob_ref(content: bytes) -> BlobRef:
    """Name bytes by their content."""
    return BlobRef(sha256=sha256(content).hexdigest(), size=len(content))


def envelope(delivery: Delivery) -> Envelope:
    """Say how a delivery reached us."""
    return Envelope(peer=delivery.peer[:64], tls=delivery.tls, intake=delivery.intake[:32])


def unreadable(delivery: Delivery, reason: str, *, normalizer_version: int) -> InboundMessage:
    """Make the record of a delivery that nobody can read. Its bytes are its identity, so a retry is the same one."""
    return InboundMessage(
        kind=Kind.UNDECODABLE,
        channel=delivery.account.channel,
        account=delivery.account.name,
        scope=delivery.account.scope,
        delivery_key=delivery_key(delivery.account, "raw", sha256(delivery.raw).hexdigest()),
        normalizer_version=normalizer_version,
        received_at=delivery.received_at,
        sender=Party(address=NOBODY),
        raw=blob_ref(delivery.raw),
        envelope=envelope(delivery),
        problem=reason[:998],
    )


def _part(value: str) -> str:
    return value.replace("%", "%25").replace(":", "%3A")
