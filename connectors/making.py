"""What connectors make messages with: ids, keys, clean text and JSON that is read without trust.

Ids and keys are the contract's (`docs/specs/connector.md`): the digest of an id is the sha256 of what is shown, whole;
what stands in `shown` may be cut.
"""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, NoReturn, TypeVar

from connectors.base import Account, Delivery, InvalidDeliveryError
from schemas.base import MAX_INLINE_TEXT_BYTES
from schemas.message import BlobRef, Envelope, InboundMessage, Kind, Party, Text, ThreadId, Verdict

KEY_SCHEME: Final = "1"
MAX_LINE: Final = 998
_MAX_SHOWN: Final = 255
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_BREAKS: Final = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")

_T = TypeVar("_T")


def clean(text: str) -> str:
    """Give text that PostgreSQL takes, with LF line ends: NUL and lone surrogates become U+FFFD."""
    if text.isprintable():  # most ids and names: none of these is printable, and this asks ten times as fast
        return text
    return _UNSTORABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def line(text: str, limit: int = MAX_LINE) -> str:
    """Give one clean line of at most so many characters: control characters and line breaks become spaces."""
    if not text.isprintable():
        text = clean(_BREAKS.sub(" ", text))
    return text.strip()[:limit]


def blob_ref(content: bytes) -> BlobRef:
    """Name bytes as the blob store will."""
    return BlobRef(sha256=sha256(content).hexdigest(), size=len(content))


def body(content: str) -> tuple[Text, tuple[bytes, ...]]:
    """Give a message's text, and the blob that holds the whole when it is over 128 KiB of UTF-8."""
    content = clean(content)
    encoded = content.encode()
    if len(encoded) <= MAX_INLINE_TEXT_BYTES:
        return Text(content=content), ()
    kept = encoded[:MAX_INLINE_TEXT_BYTES].decode(errors="ignore")
    return Text(content=kept, overflow=blob_ref(encoded)), (encoded,)


def thread_id(delivery: Delivery, *parts: str) -> ThreadId:
    """Name a conversation (`chat id`) or a message in it (`chat id`, `message id`) of the delivery's account."""
    shown = clean(":".join((delivery.account.channel, delivery.account.name, *parts)))
    one_line = shown if shown.isprintable() else _BREAKS.sub(" ", shown)
    return ThreadId(digest=sha256(shown.encode()).hexdigest(), shown=one_line[:_MAX_SHOWN])


def conversation_digest(account: Account, chat: str) -> str:
    """Give the digest of a conversation's id, for those who have no delivery at hand."""
    return sha256(clean(f"{account.channel}:{account.name}:{chat}").encode()).hexdigest()


def delivery_key(delivery: Delivery, *parts: str) -> str:
    """Give the identity of a delivery, from what the platform says identifies it."""
    identity = (KEY_SCHEME, delivery.account.channel, delivery.account.name, *parts)
    return sha256("\0".join(identity).encode(errors="surrogatepass")).hexdigest()


def envelope(delivery: Delivery) -> Envelope:
    """Say how it came."""
    return Envelope(peer=line(delivery.peer, 64), tls=delivery.tls, intake=delivery.intake[:32])


def undecodable(delivery: Delivery, reason: str, *, version: int = 1, key: str = "") -> InboundMessage:
    """Make the record of what cannot be read. `key`: its delivery key where that could be read; else by its bytes."""
    return InboundMessage(
        kind=Kind.UNDECODABLE,
        channel=delivery.account.channel,
        account=delivery.account.name,
        scope=delivery.account.scope,
        delivery_key=key or delivery_key(delivery, "raw", sha256(delivery.raw).hexdigest()),
        normalizer_version=version,
        received_at=delivery.received_at,
        sender=Party(address=""),
        verdict=Verdict(),
        raw=blob_ref(delivery.raw),
        envelope=envelope(delivery),
        problem=line(reason),
    )


def read_object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises `InvalidDeliveryError` for all else: no UTF-8, NaN, endless digits or depth."""
    try:
        found = _STRICT_JSON.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidDeliveryError("the body is no JSON") from error
    if not isinstance(found, dict):
        raise InvalidDeliveryError("the body is no JSON object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_STRICT_JSON: Final = json.JSONDecoder(parse_constant=_no_number)
"""Made once: a decoder costs as much as reading a short body."""


def invalid_only(make: Callable[[Delivery], _T], delivery: Delivery) -> _T:
    """Run a normalizer; a mistake of ours on one delivery holds that one with a reason, its raw kept."""
    try:
        return make(delivery)
    except (InvalidDeliveryError, MemoryError):
        raise
    except Exception as error:
        raise InvalidDeliveryError(f"normalize: {type(error).__name__} in the normalizer itself") from error
