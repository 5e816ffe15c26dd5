"""Updates that are no messages: who blocked the bot, who came to a group, reactions, pressed buttons, and all else."""

from dataclasses import dataclass, field
from typing import Any, Final

from connectors.base import Delivery, InvalidDeliveryError
from connectors.making import line
from connectors.telegram import people
from connectors.telegram.ids import Address, address_of, conversation_id, message_id, message_number
from connectors.telegram.service import member_details, membership
from connectors.telegram.shapes import Json, flag, number, part, parts, words
from schemas.base import MAX_QUOTED_IDS
from schemas.message import Kind, Party, ThreadId

_UPDATE_ID: Final = "update_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What an update tells, and about which messages."""

    kind: Kind
    sender: Party
    date: int | None
    conversation: ThreadId | None
    about: tuple[ThreadId, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


def read_event(delivery: Delivery, update: Json) -> Event:
    """Read an update of any kind. Raises `InvalidDeliveryError` when it holds nothing."""
    key = next((key for key in update if key != _UPDATE_ID and isinstance(update[key], dict)), "")
    if not key:
        raise InvalidDeliveryError("an update that holds nothing")
    found = part(update, key)
    message = part(found, "message") if key == "callback_query" else found
    address = address_of(message)
    if key in {"my_chat_member", "chat_member"} and address is None:
        raise InvalidDeliveryError("a change of membership without a chat")
    is_membership = key == "my_chat_member"
    return Event(
        kind=Kind.MEMBERSHIP if is_membership else Kind.EVENT,
        sender=_sender(found),
        date=number(found, "date"),
        conversation=None if address is None else conversation_id(delivery, address),
        about=_about(delivery, message, address),
        details={"membership": membership(found)} if is_membership else _details(key, found),
    )


def _sender(found: Json) -> Party:
    """Say who did it; nobody, for polls that closed and the like."""
    keys = ("from", "user", "actor_chat", "voter_chat", "sender_chat", "chat")
    parties = (people.chat(part(found, key)) if "chat" in key else people.user(part(found, key)) for key in keys)
    return next((party for party in parties if party is not None), Party(address=""))


def _about(delivery: Delivery, message: Json, address: Address | None) -> tuple[ThreadId, ...]:
    if address is None:
        return ()
    deleted = message.get("message_ids")
    numbers = deleted if isinstance(deleted, list) else []
    names = [message_number({"message_id": item}) for item in numbers[:MAX_QUOTED_IDS]] or [message_number(message)]
    return tuple(message_id(delivery, address, name) for name in dict.fromkeys(names) if name)


def _details(key: str, found: Json) -> dict[str, Any]:
    details: dict[str, Any] = {"update": line(key, 64)}
    if key == "chat_member":
        details |= member_details(found)
    elif key == "message_reaction":
        reactions = parts(found, "new_reaction")
        details["reactions"] = [words(item, "emoji", 16) or words(item, "type", 32) for item in reactions][:20]
    elif key == "callback_query":
        details["button"] = words(found, "data", 64)
    elif key == "business_connection":
        details |= {"connection": words(found, "id", 64), "enabled": flag(found, "is_enabled")}
    elif key == "deleted_business_messages":
        details["deleted"] = True
    return details
