"""What a chat's socket took, as a message. The raw is JSON that the socket made of a frame and of whom it knew."""

from collections.abc import Mapping
from typing import Any, Final

from connectors.base import Delivery, InvalidDeliveryError, Normalized
from connectors.making import blob_ref, body, delivery_key, envelope, line, read_object, thread_id
from connectors.page_http import wire_files
from connectors.page_lines import OWN
from connectors.tolerant import text_of, whole
from schemas.message import InboundMessage, Kind, Party, Result, Thread, Verdict

NORMALIZER_VERSION: Final = 1
RECEIPTS: Final = {"got": "delivered", "seen": "seen"}


def normalize(delivery: Delivery) -> Normalized:
    """Make the message. Raises `InvalidDeliveryError` for all that the socket does not make."""
    facts = read_object(delivery.raw)
    chat, kind = text_of(facts.get("chat"), 200), text_of(facts.get("t"), 16)
    if not chat:
        raise InvalidDeliveryError("it names no chat")
    if kind == "say":
        return _said(delivery, facts, chat)
    if kind == "turn":
        return Normalized(message=_turned(delivery, facts, chat))
    if kind in RECEIPTS:
        return Normalized(message=_receipt(delivery, facts, chat, kind))
    raise InvalidDeliveryError("it is nothing that a chat sends")


def _said(delivery: Delivery, facts: Mapping[str, Any], chat: str) -> Normalized:
    client = _client(facts)
    text, blobs = body(text_of(facts.get("text")))
    common = _common(delivery, facts, chat)
    common["details"] |= {"live": True}
    thread = Thread(own=thread_id(delivery, chat, OWN + client), conversation=thread_id(delivery, chat))
    message = InboundMessage(
        kind=Kind.MESSAGE,
        delivery_key=delivery_key(delivery, chat, client),
        text=text,
        files=wire_files(facts),
        thread=thread,
        **common,
    )
    return Normalized(message=message, blobs=blobs)


def _turned(delivery: Delivery, facts: Mapping[str, Any], chat: str) -> InboundMessage:
    common = _common(delivery, facts, chat)
    email = line(text_of(facts.get("email"), 320), 320)
    common["details"] |= {"turned": True}
    if email:
        common["details"] |= {"contact": {"name": common["sender"].name, "email": email, "own": True}}
    return InboundMessage(
        kind=Kind.EVENT,
        delivery_key=delivery_key(delivery, chat, "turn", _client(facts)),
        thread=Thread(conversation=thread_id(delivery, chat)),
        **common,
    )


def _receipt(delivery: Delivery, facts: Mapping[str, Any], chat: str, kind: str) -> InboundMessage:
    number = whole(facts.get("line"))
    if not number:
        raise InvalidDeliveryError("it names no line")
    common = _common(delivery, facts, chat)
    common["details"] = {"receipt": RECEIPTS[kind], "up_to": True}
    return InboundMessage(
        kind=Kind.RECEIPT,
        delivery_key=delivery_key(delivery, chat, kind, str(number)),
        thread=Thread(
            in_reply_to=(thread_id(delivery, chat, str(number)),),
            conversation=thread_id(delivery, chat),
        ),
        **common,
    )


def _common(delivery: Delivery, facts: Mapping[str, Any], chat: str) -> dict[str, Any]:
    """Give what all kinds have. Whoever holds a chat's token is its visitor; a name is what somebody says."""
    details = {
        key: line(text_of(facts.get(key), limit), limit)
        for key, limit in (("user", 200), ("language", 16), ("page", 300))
        if text_of(facts.get(key), limit)
    }
    return {
        "channel": delivery.account.channel,
        "account": delivery.account.name,
        "scope": delivery.account.scope,
        "normalizer_version": NORMALIZER_VERSION,
        "received_at": delivery.received_at,
        "sender": Party(address=chat, name=line(text_of(facts.get("name"), 100), 100)),
        "verdict": Verdict(result=Result.PASS, method="signature" if facts.get("user") else "token"),
        "raw": blob_ref(delivery.raw),
        "envelope": envelope(delivery),
        "details": details,
    }


def _client(facts: Mapping[str, Any]) -> str:
    client = text_of(facts.get("id"), 64)
    if not client:
        raise InvalidDeliveryError("it has no name of its own")
    return client
