"""Whether conversations may be written to: what platforms tell of who came, went, blocked or allowed us."""

from typing import Final

from router.incoming import Incoming
from router.view import View
from schemas.conversation_rows import ContactRow
from schemas.message import InboundMessage, Kind
from schemas.placement import address_key

STATES: Final = frozenset({"joined", "left", "blocked", "unblocked", "subscribed", "unsubscribed", "denied", "allowed"})
UNREACHABLE: Final = frozenset({"left", "blocked", "unsubscribed", "denied", "gone"})
"""States in which nothing we send arrives."""

WROTE: Final = "allowed"
"""What somebody is who writes to us after all."""

SHOWN_WHOLE: Final = 255
"""A shown id of this length may have been cut, and then names no chat."""

ContactKey = tuple[str, bytes]
"""Account, and the key of the chat's id."""


def chat_of(message: InboundMessage) -> str:
    """Give the id of the chat at its platform, or nothing when it is not known whole."""
    conversation = message.thread.conversation
    prefix = f"{message.channel}:{message.account}:"
    if conversation is None or not conversation.shown.startswith(prefix) or len(conversation.shown) >= SHOWN_WHOLE:
        return ""
    return conversation.shown.removeprefix(prefix)


def contact_key(message: Incoming) -> ContactKey | None:
    """Give of whom a message says something: of its chat, by membership; by a message, that one can write there."""
    inbound = message.message
    chat = chat_of(inbound) if inbound.kind in (Kind.MEMBERSHIP, Kind.MESSAGE) else ""
    return (inbound.account, address_key(inbound.channel, inbound.account, chat)) if chat else None


class Contacts:
    """Collects rows; the newest word counts."""

    def __init__(self, *, view: View) -> None:
        self.rows: dict[ContactKey, ContactRow] = {}
        self._view = view

    def hear(self, message: Incoming) -> None:
        """Take what a message says of its chat."""
        key, state = contact_key(message), self._state(message)
        if key is None or not state:
            return
        inbound = message.message
        since = inbound.sent_at or inbound.received_at
        known = self._view.contacts.get(key)
        if known is not None and known.since > since:
            return
        row = ContactRow(*key, inbound.channel, chat_of(inbound), state, since)
        self.rows[key] = self._view.contacts[key] = row

    def _state(self, message: Incoming) -> str:
        inbound = message.message
        if inbound.kind is Kind.MEMBERSHIP:
            named = inbound.details.get("membership")
            return named if isinstance(named, str) and named in STATES else ""
        key = contact_key(message)
        known = self._view.contacts.get(key) if key is not None else None
        is_back = known is not None and known.state in UNREACHABLE and "echo" not in inbound.details
        return WROTE if is_back else ""
