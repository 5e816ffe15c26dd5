"""An update of the Bot API as an `InboundMessage`: pure, tolerant, the same for the same input."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors import making, tolerant
from connectors.base import Delivery, InvalidDeliveryError, Normalized
from connectors.telegram import people
from connectors.telegram.content import KNOWN_CONTENT, read_details, read_text
from connectors.telegram.entities import command
from connectors.telegram.events import read_event
from connectors.telegram.files import read_files
from connectors.telegram.ids import (
    EDITS,
    MESSAGES,
    Address,
    address_of,
    conversation_id,
    delivery_key,
    message_id,
    message_number,
)
from connectors.telegram.service import service_details, service_of
from connectors.telegram.shapes import Json, number, part, raw_text, words
from schemas.message import (
    Automatic,
    InboundMessage,
    Kind,
    Party,
    Result,
    Thread,
    ThreadId,
    Verdict,
)
from schemas.proofs import code_in, read_payload

NORMALIZER_VERSION: Final = 1
_MAX_PROOF: Final = 128
_PLAIN: Final = frozenset(
    {
        *("message_id", "ephemeral_message_id", "message_thread_id", "direct_messages_topic", "from", "sender_chat"),
        *("sender_boost_count", "sender_business_bot", "sender_tag", "receiver_user", "date", "guest_query_id"),
        *("business_connection_id", "chat", "forward_origin", "is_topic_message", "is_automatic_forward"),
        *("reply_to_message", "external_reply", "quote", "reply_to_checklist_task_id", "reply_to_poll_option_id"),
        *("via_bot", "guest_bot_caller_user", "guest_bot_caller_chat", "edit_date", "has_protected_content"),
        *("is_from_offline", "is_paid_post", "media_group_id", "author_signature", "paid_star_count", "entities"),
        *("link_preview_options", "suggested_post_info", "effect_id", "caption_entities", "show_caption_above_media"),
        *("has_media_spoiler", "reply_markup"),
    }
)
"""Keys of a message that are no content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A message's object with where it stands."""

    delivery: Delivery
    update: Json
    message: Json
    address: Address
    name: str


def normalize(delivery: Delivery) -> Normalized:
    """Make the message of an update. Raises `InvalidDeliveryError` and nothing else, but for want of memory."""
    return making.invalid_only(_build, delivery)


def undecodable(delivery: Delivery, reason: str) -> InboundMessage:
    """Make the record of an update that cannot be read; its key is that of the update, where it can be told."""
    try:
        key = delivery_key(delivery, making.read_object(delivery.raw))
    except InvalidDeliveryError:
        key = ""
    return making.undecodable(delivery, reason, version=NORMALIZER_VERSION, key=key)


def _build(delivery: Delivery) -> Normalized:
    update = making.read_object(delivery.raw)
    for key in (*MESSAGES, *EDITS):
        if isinstance(update.get(key), dict):
            return _message(_seen(delivery, update, part(update, key)), is_edit=key in EDITS)
    event = read_event(delivery, update)
    return Normalized(
        message=InboundMessage(
            kind=event.kind,
            sent_at=tolerant.moment(event.date),
            sender=event.sender,
            verdict=_PROVEN,
            thread=Thread(conversation=event.conversation, in_reply_to=event.about),
            details=_with_update(update, event.details),
            **_common(delivery, update),
        )
    )


def _seen(delivery: Delivery, update: Json, message: Json) -> _Seen:
    address, name = address_of(message), message_number(message)
    if address is None:
        raise InvalidDeliveryError("a message without a chat")
    if not name:
        raise InvalidDeliveryError("a message without an id")
    return _Seen(delivery=delivery, update=update, message=message, address=address, name=name)


def _message(seen: _Seen, *, is_edit: bool) -> Normalized:
    message = seen.message
    sender = people.sender(message)
    if sender is None:
        raise InvalidDeliveryError("a message without a sender")
    service = service_of(message)
    details = _details(seen, sender) | (service_details(message, service) if service else {})
    text, blobs = making.body("" if service else _words(seen))
    kind = Kind.EDIT if is_edit else _kind(details, is_service=bool(service))
    made = InboundMessage(
        kind=kind,
        sent_at=tolerant.moment(message.get("edit_date" if is_edit and "edit_date" in message else "date")),
        sender=sender,
        verdict=_PROVEN,
        automatic=Automatic.AUTO_REPLY if people.is_machine(message) else Automatic.NO,
        text=text,
        files=() if service else read_files(message),
        thread=_thread(seen, is_edit=is_edit),
        album=words(message, "media_group_id"),
        details=_with_update(seen.update, details | ({"edit": True} if is_edit else {})),
        **_common(seen.delivery, seen.update),
    )
    return Normalized(message=made, blobs=blobs)


def _kind(details: Mapping[str, Any], *, is_service: bool) -> Kind:
    """Tell messages from what only says that somebody came: `/start` alone is a pressed button, and no request."""
    if is_service:
        return Kind.EVENT
    if "membership" in details:
        return Kind.MEMBERSHIP
    return Kind.MESSAGE


def _words(seen: _Seen) -> str:
    """Give the text; what may prove who somebody is (`/start` carries it, or a code is typed) stands in no text."""
    if _started(seen.message, is_private=seen.address.is_private) is not None:
        return "/start"
    if code_in(raw_text(seen.message, "text")):
        return ""
    return read_text(seen.message) or _unknown(seen.message)


def _unknown(message: Json) -> str:
    """Mark content of a kind that the Bot API got after this was written; files are content, too."""
    if read_files(message):
        return ""
    known = _PLAIN | KNOWN_CONTENT | {"text", "caption"}
    return next((f"[{making.line(key, 64)}]" for key in message if key not in known), "")


def _thread(seen: _Seen, *, is_edit: bool) -> Thread:
    own = message_id(seen.delivery, seen.address, seen.name)
    conversation = conversation_id(seen.delivery, seen.address)
    if is_edit:
        return Thread(in_reply_to=(own,), conversation=conversation)
    return Thread(own=own, in_reply_to=_answered(seen), conversation=conversation)


def _answered(seen: _Seen) -> tuple[ThreadId, ...]:
    """Name the message that is answered. In a topic, all "answers" the topic's first message: that is no reply."""
    reply = part(seen.message, "reply_to_message")
    name = message_number(reply)
    if not name or number(part(reply, "chat"), "id") != seen.address.chat:
        return ()
    if "forum_topic_created" in reply or number(reply, "message_id") == seen.address.topic:
        return ()
    return (message_id(seen.delivery, seen.address, name),)


def _details(seen: _Seen, sender: Party) -> dict[str, Any]:
    message, where = seen.message, part(seen.message, "chat")
    found = read_details(message)
    kind = words(where, "type", 32)
    if kind:
        found["chat_type"] = kind
    if not seen.address.is_private:
        found["group"] = True
        found |= {"chat_title": title} if (title := words(where, "title")) else {}
    if language := words(part(message, "from"), "language_code", 35):
        found["language"] = language
    if username := words(part(message, "from"), "username", 64):
        found["username"] = username
    if seen.address.connection and seen.address.is_private and sender.address != str(seen.address.chat):
        found["echo"] = {"id": seen.name}
    return found | _start(message, is_private=seen.address.is_private)


def _start(message: Json, *, is_private: bool) -> dict[str, Any]:
    """Read what proves who somebody is; in a group, too, where it proves nothing and must not be used any more."""
    if code := code_in(raw_text(message, "text")):
        return {"proof": code[:_MAX_PROOF]}
    payload = _started(message, is_private=is_private)
    if payload:
        return {"proof": payload[:_MAX_PROOF]}
    return {"membership": "allowed"} if payload is not None and "edit_date" not in message else {}


def _started(message: Json, *, is_private: bool) -> str | None:
    """Give what a deep link carries; in a group, where people write commands by hand, only what may be a proof."""
    payload = command(message, "start")
    return payload if is_private or (payload is not None and read_payload(payload)) else None


def _with_update(update: Json, details: Mapping[str, Any]) -> dict[str, Any]:
    found = number(update, "update_id")
    return {**({} if found is None else {"update_id": found}), **details}


def _common(delivery: Delivery, update: Json) -> dict[str, Any]:
    """Give what every message of this channel has."""
    raw = making.blob_ref(delivery.raw)
    return {
        "channel": delivery.account.channel,
        "account": delivery.account.name,
        "scope": delivery.account.scope,
        "delivery_key": delivery_key(delivery, update) or making.delivery_key(delivery, "raw", raw.sha256),
        "normalizer_version": NORMALIZER_VERSION,
        "received_at": delivery.received_at,
        "raw": raw,
        "envelope": making.envelope(delivery),
    }


_PROVEN: Final = Verdict(result=Result.PASS, method="token")
