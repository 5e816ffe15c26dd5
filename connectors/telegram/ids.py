"""What ties Telegram's messages together, and what makes two deliveries the same.

A conversation is a chat; where one chat holds several, its id says which:

    729004518             private chat, group, supergroup or channel
    -1002233/17           topic 17 of a forum
    -1002233/dm55         what one person writes to a channel
    bAbc-9/729004518      chat of a connected business account, through connection bAbc-9
"""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from connectors import making
from connectors.base import Delivery
from connectors.telegram.shapes import Json, flag, number, part, raw_text
from schemas.message import ThreadId

MESSAGES: Final = ("message", "channel_post", "business_message")
EDITS: Final = ("edited_message", "edited_channel_post", "edited_business_message")
_CONNECTION: Final = re.compile(r"[A-Za-z0-9_=-]{1,64}")
_ADDRESS: Final = re.compile(
    r"(?:(?P<connection>[A-Za-z][A-Za-z0-9_=-]{0,63})/)?(?P<chat>-?\d{1,19})(?:/(?P<direct>dm)?(?P<topic>\d{1,19}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a conversation lies at Telegram."""

    chat: int
    topic: int | None = None
    direct: int | None = None
    connection: str = ""

    @property
    def is_private(self) -> bool:
        """Say whether it is with one person: groups and channels have negative ids."""
        return self.chat > 0

    @property
    def written(self) -> str:
        """Give it as one string."""
        start = f"{self.connection}/{self.chat}" if self.connection else str(self.chat)
        if self.direct is not None:
            return f"{start}/dm{self.direct}"
        return start if self.topic is None else f"{start}/{self.topic}"


def read_address(written: str) -> Address | None:
    """Read what `Address.written` gave; None for anything else."""
    found = _ADDRESS.fullmatch(written)
    if found is None:
        return None
    topic = int(found["topic"]) if found["topic"] else None
    return Address(
        chat=int(found["chat"]),
        topic=None if found["direct"] else topic,
        direct=topic if found["direct"] else None,
        connection=found["connection"] or "",
    )


def address_of(message: Json) -> Address | None:
    """Say where a message stands; None without a chat id."""
    chat = number(part(message, "chat"), "id")
    if chat is None:
        return None
    return Address(
        chat=chat,
        topic=number(message, "message_thread_id") if flag(message, "is_topic_message") else None,
        direct=number(part(message, "direct_messages_topic"), "topic_id"),
        connection=_connection(message),
    )


def message_number(message: Json) -> str:
    """Give the message's id in its chat; empty when it has none. Ephemeral messages have a numbering of their own."""
    found = number(message, "message_id")
    if found == 0:
        ephemeral = number(message, "ephemeral_message_id")
        return "" if ephemeral is None else f"e{ephemeral}"
    return "" if found is None else str(found)


def conversation_id(delivery: Delivery, address: Address) -> ThreadId:
    """Name a conversation."""
    return making.thread_id(delivery, address.written)


def message_id(delivery: Delivery, address: Address, message: str) -> ThreadId:
    """Name a message of a conversation."""
    return making.thread_id(delivery, address.written, message)


def delivery_key(delivery: Delivery, update: Json) -> str:
    """Tell one delivery from all others, the same by webhook and by poll, and over retries; empty when nothing tells.

    A message is known by chat and id, an edit by its date and content, too (two may fall into one second), all else by
    its update's id.
    """
    for key in (*MESSAGES, *EDITS):
        message = part(update, key)
        address, name = address_of(message), message_number(message)
        if address is not None and name:
            return making.delivery_key(delivery, f"{address.written}:{name}{_stamp(message) if key in EDITS else ''}")
    update_id = number(update, "update_id")
    return "" if update_id is None else making.delivery_key(delivery, f"update:{update_id}")


def _stamp(message: Json) -> str:
    content = json.dumps(message, sort_keys=True, separators=(",", ":"))
    return f":{number(message, 'edit_date') or 0}:{_sha256(content)[:16]}"


def _connection(message: Json) -> str:
    """Give the business connection; one that we could not write into an address is replaced by its digest."""
    found = raw_text(message, "business_connection_id")
    if not found:
        return ""
    return found if _ADDRESS.fullmatch(f"{found}/1") and _CONNECTION.fullmatch(found) else f"x{_sha256(found)[:32]}"


def _sha256(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
