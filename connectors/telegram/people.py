"""Who wrote a message, and whose words it repeats."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.telegram.shapes import Json, flag, number, part, words
from schemas.message import Party

_MAX_NAME: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who first wrote what a message repeats: a claim of Telegram's, and of whoever hides behind a name."""

    kind: str
    name: str
    address: str

    def details(self, date: int | None) -> Mapping[str, Any]:
        """Give the small facts."""
        facts: Mapping[str, Any] = {"type": self.kind, "name": self.name, "id": self.address, "date": date}
        return {key: value for key, value in facts.items() if value not in {"", None}}


def user(of: Json) -> Party | None:
    """Give a person or a bot; None without an id."""
    found = number(of, "id")
    name = f"{words(of, 'first_name')} {words(of, 'last_name')}".strip()
    return None if found is None else Party(address=str(found), name=(name or words(of, "username"))[:_MAX_NAME])


def chat(of: Json) -> Party | None:
    """Give a group, a channel or, in a private chat, the person; None without an id."""
    found = number(of, "id")
    name = words(of, "title") or f"{words(of, 'first_name')} {words(of, 'last_name')}".strip()
    return None if found is None else Party(address=str(found), name=(name or words(of, "username"))[:_MAX_NAME])


def sender(message: Json) -> Party | None:
    """Give who sent a message: a chat in whose name it was written goes before the stand-in user that Telegram adds."""
    found = chat(part(message, "sender_chat")) or user(part(message, "from"))
    return found or (chat(part(message, "chat")) if words(part(message, "chat"), "type") == "channel" else None)


def is_machine(message: Json) -> bool:
    """Say whether no person has just written it: a bot, a linked channel's post, an automatic greeting."""
    bot = flag(part(message, "from"), "is_bot") and not part(message, "sender_chat")
    return bot or flag(message, "is_automatic_forward") or flag(message, "is_from_offline")


def origin(of: Json) -> Origin | None:
    """Read a `MessageOrigin` of any type."""
    kind = words(of, "type")
    if not kind:
        return None
    hidden = words(of, "sender_user_name")
    party = user(part(of, "sender_user")) or chat(part(of, "sender_chat")) or chat(part(of, "chat"))
    if party is None:
        return Origin(kind=kind, name=hidden, address="")
    return Origin(kind=kind, name=party.name, address=party.address)
