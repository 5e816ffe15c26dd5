"""A VK event as a message. Pure. Source: VK, "Callback API", "Bots Long Poll API", the official schema `callback`.

A message is named by its number in its conversation (`conversation_message_id`), which all intakes tell alike; `id` is
another one for everybody. What a person does beside writing (joins, likes, orders) is kept as an event.
"""

import re
from collections.abc import Callable, Mapping
from json import dumps
from typing import Any, Final

from connectors.base import Delivery, InvalidDeliveryError, Normalized
from connectors.making import blob_ref, body, delivery_key, envelope, line, read_object, thread_id
from connectors.tolerant import fields, moment, text_of, whole
from connectors.vk.contents import content_of
from schemas.message import InboundMessage, Kind, Party, Result, Thread, Verdict

NORMALIZER_VERSION: Final = 1
FIRST_CHAT: Final = 2_000_000_000
"""Peers above this are chats with several people."""
PROOF: Final = 128
NAMES: Final = "names"
"""Key under which an event has its sender's name by number: put in by `connectors/vk/names.py`."""

Fields = Mapping[str, Any]
_NUMBER: Final = re.compile(r"-?\d{1,20}")


def normalize(delivery: Delivery) -> Normalized:
    """Make the message of one event. Raises `InvalidDeliveryError` for what is no event at all."""
    event = read_object(delivery.raw)
    name = text_of(event.get("type"), 64)
    if not name:
        raise InvalidDeliveryError("the event does not say what it is (no 'type')")
    return _READERS.get(name, _other)(delivery, event)


def message_of(event: Fields) -> Fields:
    """Give the message inside an event: `message_new` wraps it since version 5.103, the others are it."""
    content = fields(event.get("object"))
    return fields(content["message"]) if "message" in content else content


def _message(delivery: Delivery, event: Fields) -> Normalized:
    message = message_of(event)
    peer, number = peer_of(message), _id(message.get("conversation_message_id"))
    sender = _id(message.get("from_id"))
    if not peer or not number or not sender:
        raise InvalidDeliveryError("a message without 'peer_id', 'conversation_message_id' or 'from_id'")
    if "action" in message:
        return _action(delivery, event, message)
    content = content_of(message)
    text, blobs = body(content.text)
    found = _base(delivery, peer=peer, sender=sender, key=("message", peer, number)).model_copy(
        update={
            "sender": Party(address=sender, name=_name(event, sender)),
            "text": text,
            "files": content.files,
            "sent_at": moment(message.get("date")),
            "thread": Thread(
                own=thread_id(delivery, peer, number),
                in_reply_to=_answered(delivery, message, peer),
                conversation=thread_id(delivery, peer),
            ),
            "details": {**content.details, **_chat(peer)},
        }
    )
    return Normalized(message=found, blobs=blobs)


def _name(event: Fields, sender: str) -> str:
    return line(text_of(fields(event.get(NAMES)).get(sender), 255), 255)


def _answered(delivery: Delivery, message: Fields, peer: str) -> tuple[Any, ...]:
    """Name the message that this one answers, in the same conversation."""
    answered = fields(message.get("reply_message"))
    number, where = _id(answered.get("conversation_message_id")), peer_of(answered)
    return (thread_id(delivery, peer, number),) if number and where in ("", peer) else ()


def _chat(peer: str) -> dict[str, Any]:
    return {"group": True} if is_chat(peer) else {}


def _edit(delivery: Delivery, event: Fields) -> Normalized:
    """Read a changed message; `sent_at` is when it was changed."""
    message = message_of(event)
    changed = _id(message.get("update_time")) or _id(message.get("date"))
    if _is_ours(event, message):
        return _other(delivery, event)
    made = _message(delivery, event)
    peer, number = peer_of(message), _id(message.get("conversation_message_id"))
    update = {
        "kind": Kind.EDIT,
        "delivery_key": delivery_key(delivery, "edit", peer, number, changed),
        "sent_at": moment(message.get("update_time")) or made.message.sent_at,
        "thread": Thread(in_reply_to=(thread_id(delivery, peer, number),), conversation=thread_id(delivery, peer)),
        "details": {**made.message.details, "edit": True},
    }
    return Normalized(message=made.message.model_copy(update=update), blobs=made.blobs)


def _echo(delivery: Delivery, event: Fields) -> Normalized:
    """Read what the community itself said: by us, or by somebody in VK's own pages."""
    message = message_of(event)
    made = _message(delivery, event)
    echo: dict[str, Any] = {"id": _id(message.get("conversation_message_id"))}
    if given := whole(message.get("random_id")):
        echo["random_id"] = str(given)
    if author := _id(message.get("admin_author_id")):
        echo["author"] = author
    details = {**made.message.details, "echo": echo}
    return Normalized(message=made.message.model_copy(update={"details": details}), blobs=made.blobs)


def _action(delivery: Delivery, event: Fields, message: Fields) -> Normalized:
    """Read what happened in a chat: only our own coming and going concerns us."""
    action, peer = fields(message.get("action")), peer_of(message)
    kind, member = text_of(action.get("type"), 64), _id(action.get("member_id"))
    number = _id(message.get("conversation_message_id"))
    sender = _id(message.get("from_id"))
    found = _base(delivery, peer=peer, sender=sender, key=("action", peer, number))
    changes = {"chat_invite_user": "joined", "chat_kick_user": "left"}
    if kind in changes and member == f"-{_id(event.get('group_id'))}":
        update = {"kind": Kind.MEMBERSHIP, "details": {"membership": changes[kind], "group": True}}
    else:
        update = {"kind": Kind.EVENT, "details": {"event": kind or "action", **_chat(peer)}}
    return Normalized(message=found.model_copy(update=update))


def _read(delivery: Delivery, event: Fields) -> Normalized:
    """Read how far somebody has read: everything of ours up to there was seen."""
    content = fields(event.get("object"))
    peer, reader = _id(content.get("peer_id")), _id(content.get("from_id"))
    number = _id(content.get("conversation_message_id"))
    if not peer or not number or reader.startswith("-") or not reader:
        return _other(delivery, event)
    found = _base(delivery, peer=peer, sender=reader, key=("read", peer, reader, number))
    thread = Thread(in_reply_to=(thread_id(delivery, peer, number),), conversation=thread_id(delivery, peer))
    details = {"receipt": "seen", "up_to": True}
    return Normalized(message=found.model_copy(update={"kind": Kind.RECEIPT, "thread": thread, "details": details}))


def _membership(change: str) -> "Reader":
    def reader(delivery: Delivery, event: Fields) -> Normalized:
        content = fields(event.get("object"))
        user = _id(content.get("user_id"))
        if not user:
            return _other(delivery, event)
        found = _base(delivery, peer=user, sender=user, key=(change, *_once(event)))
        details: dict[str, Any] = {"membership": change}
        if change == "allowed" and 0 < len(key := text_of(content.get("key"), PROOF + 1)) <= PROOF:
            details["proof"] = key
        return Normalized(message=found.model_copy(update={"kind": Kind.MEMBERSHIP, "details": details}))

    return reader


def _other(delivery: Delivery, event: Fields) -> Normalized:
    """Keep what VK tells beside all that."""
    content = fields(event.get("object"))
    peer = peer_of(message_of(event))
    user = _id(content.get("user_id")) or _id(content.get("from_id"))
    found = _base(delivery, peer=peer, sender=user, key=("event", *_once(event)))
    details = {"event": text_of(event.get("type"), 64)}
    return Normalized(message=found.model_copy(update={"kind": Kind.EVENT, "details": details}))


def _base(delivery: Delivery, *, peer: str, sender: str, key: tuple[str, ...]) -> InboundMessage:
    account = delivery.account
    return InboundMessage(
        channel=account.channel,
        account=account.name,
        scope=account.scope,
        delivery_key=delivery_key(delivery, *key),
        normalizer_version=NORMALIZER_VERSION,
        received_at=delivery.received_at,
        sender=Party(address=sender or "unknown"),
        verdict=Verdict(result=Result.PASS, method="token" if delivery.intake == "poll" else "secret"),
        thread=Thread(conversation=thread_id(delivery, peer) if peer else None),
        raw=blob_ref(delivery.raw),
        envelope=envelope(delivery),
    )


def peer_of(message: Fields) -> str:
    """Give the conversation in which a message stands."""
    return _id(message.get("peer_id"))


def is_chat(peer: str) -> bool:
    """Whether several people are in a conversation."""
    return peer.isdecimal() and int(peer) > FIRST_CHAT


def _is_ours(event: Fields, message: Fields) -> bool:
    return _id(message.get("from_id")) == f"-{_id(event.get('group_id'))}"


def _once(event: Fields) -> tuple[str, str]:
    """Tell one event from the next: its id, and what it says where it has none."""
    name = text_of(event.get("event_id"), 128)
    content = dumps(event.get("object"), sort_keys=True).encode()
    return name, "" if name else blob_ref(content).sha256


def _id(value: object) -> str:
    """Give a number as VK writes it, or nothing."""
    found = text_of(value, 24)
    return found if _NUMBER.fullmatch(found) and found != "0" else ""


Reader = Callable[[Delivery, Fields], Normalized]

_READERS: Final[Mapping[str, Reader]] = {
    "message_new": _message,
    "message_reply": _echo,
    "message_edit": _edit,
    "message_read": _read,
    "message_allow": _membership("allowed"),
    "message_deny": _membership("denied"),
    "user_block": _membership("blocked"),
    "user_unblock": _membership("unblocked"),
}
