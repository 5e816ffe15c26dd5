"""A Viber callback as a message. Pure. Source: Viber REST API, "Callbacks"."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from connectors.base import Delivery, InvalidDeliveryError, Normalized
from connectors.making import blob_ref, body, delivery_key, envelope, line, read_object, thread_id
from connectors.tolerant import fields, moment, text_of
from connectors.viber.contents import Content, content_of
from schemas.message import InboundMessage, Kind, Party, Result, Thread, Verdict

NORMALIZER_VERSION: Final = 1
RECEIPTS: Final = ("delivered", "seen", "failed")
PROOF: Final = 128
PER_SECOND: Final = 1000
"""Viber counts time in thousandths of a second."""

Fields = Mapping[str, Any]


def normalize(delivery: Delivery) -> Normalized:
    """Make the message of one callback. Raises `InvalidDeliveryError` for what is no callback at all."""
    event = read_object(delivery.raw)
    name = text_of(event.get("event"), 64)
    if not name:
        raise InvalidDeliveryError("the callback does not say what it is (no 'event')")
    return _READERS.get(name, _other)(delivery, event)


def _message(delivery: Delivery, event: Fields) -> Normalized:
    sender = fields(event.get("sender"))
    user, token = _id(sender.get("id")), _id(event.get("message_token"))
    if not user or not token:
        raise InvalidDeliveryError("a message without 'sender.id' or 'message_token': nobody could be answered")
    message = fields(event.get("message"))
    content = content_of(message)
    text, blobs = body(content.text)
    facts = {"language": text_of(sender.get("language"), 35), "country": text_of(sender.get("country"), 8)}
    found = _base(delivery, event, user=user, key=("message", token)).model_copy(
        update={
            "sender": Party(address=user, name=line(text_of(sender.get("name")))),
            "text": text,
            "files": content.files,
            "thread": Thread(own=thread_id(delivery, user, token), conversation=thread_id(delivery, user)),
            "details": _details(event, content, facts),
        }
    )
    return Normalized(message=found, blobs=blobs)


def _details(event: Fields, content: Content, facts: Fields) -> dict[str, Any]:
    known = {**content.details, **{name: value for name, value in facts.items() if value}}
    if event.get("silent") is True:
        known["silent"] = True
    return known


def _receipt(delivery: Delivery, event: Fields) -> Normalized:
    """Read a receipt; a `seen` without its user names no message of ours, and is only noted."""
    user, token = _id(event.get("user_id")), _id(event.get("message_token"))
    name = text_of(event.get("event"), 64)
    if not user or not token:
        return _other(delivery, event)
    found = _base(delivery, event, user=user, key=(name, token, user))
    thread = found.thread.model_copy(update={"in_reply_to": (thread_id(delivery, user, token),)})
    details = {"receipt": name}
    if reason := text_of(event.get("desc"), 255):
        details["reason"] = reason
    return Normalized(message=found.model_copy(update={"kind": Kind.RECEIPT, "thread": thread, "details": details}))


def _subscribed(delivery: Delivery, event: Fields) -> Normalized:
    user = fields(event.get("user"))
    return _membership(delivery, event, _id(user.get("id")), line(text_of(user.get("name"))), "subscribed")


def _unsubscribed(delivery: Delivery, event: Fields) -> Normalized:
    return _membership(delivery, event, _id(event.get("user_id")), "", "unsubscribed")


def _membership(delivery: Delivery, event: Fields, user: str, name: str, change: str) -> Normalized:
    if not user:
        return _other(delivery, event)
    found = _base(delivery, event, user=user, key=(change, *_when(event), user))
    sender = Party(address=user, name=name)
    details = {"membership": change}
    return Normalized(message=found.model_copy(update={"kind": Kind.MEMBERSHIP, "sender": sender, "details": details}))


def _started(delivery: Delivery, event: Fields) -> Normalized:
    """Read that somebody looked into the chat: no subscription, no message. A deep link's context may be a proof."""
    user = fields(event.get("user"))
    found = _base(delivery, event, user=_id(user.get("id")), key=("conversation_started", *_when(event)))
    details: dict[str, Any] = {"event": "conversation_started"}
    if context := text_of(event.get("context"), PROOF + 1):
        details |= {"proof": context} if len(context) <= PROOF else {}
    sender = Party(address=_id(user.get("id")) or "unknown", name=line(text_of(user.get("name"))))
    return Normalized(message=found.model_copy(update={"kind": Kind.EVENT, "sender": sender, "details": details}))


def _other(delivery: Delivery, event: Fields) -> Normalized:
    """Keep what Viber tells beside all that: client_status, action, and what it will invent."""
    name, user = text_of(event.get("event"), 64), _id(event.get("user_id"))
    found = _base(delivery, event, user=user, key=("event", name, *_when(event), user))
    return Normalized(message=found.model_copy(update={"kind": Kind.EVENT, "details": {"event": name}}))


def _base(delivery: Delivery, event: Fields, *, user: str, key: tuple[str, ...]) -> InboundMessage:
    account = delivery.account
    return InboundMessage(
        channel=account.channel,
        account=account.name,
        scope=account.scope,
        delivery_key=delivery_key(delivery, *key),
        normalizer_version=NORMALIZER_VERSION,
        received_at=delivery.received_at,
        sent_at=moment(event.get("timestamp"), per_second=PER_SECOND),
        sender=Party(address=user or "unknown"),
        verdict=Verdict(result=Result.PASS, method="signature"),
        thread=Thread(conversation=thread_id(delivery, user) if user else None),
        raw=blob_ref(delivery.raw),
        envelope=envelope(delivery),
    )


def _when(event: Fields) -> tuple[str, str]:
    """Tell one happening from the next of its sort."""
    return _id(event.get("message_token")), text_of(event.get("timestamp"), 32)


def _id(value: object) -> str:
    """Give a platform's id as written: user ids are short texts, message tokens are numbers of up to 64 bits."""
    return line(text_of(value, 255))


_READERS: Final[Mapping[str, Callable[[Delivery, Fields], Normalized]]] = {
    "message": _message,
    "delivered": _receipt,
    "seen": _receipt,
    "failed": _receipt,
    "subscribed": _subscribed,
    "unsubscribed": _unsubscribed,
    "conversation_started": _started,
}
