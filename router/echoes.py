"""Echoes: what was written from our own account and comes back from the platform, ours or an agent's in its own app.

Ours are known by the platform's id, once it has answered; by the name that we gave a part, where the platform takes
one; and, when the echo overtakes the answer, by the very words that are being sent into that chat at this moment. A
file alone says no words, and a part of a text could be anybody's: neither is taken for ours without an id.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from router.contacts import chat_of
from router.incoming import Incoming
from router.ports import RoutingTransaction
from router.view import View
from schemas.message import Kind

KEY: Final = "echo"
NAMES: Final = ("random_id", "id")


def is_echo(message: Incoming) -> bool:
    """Whether a message was written from our account."""
    inbound = message.message
    return inbound.kind is Kind.MESSAGE and message.conversation is not None and KEY in inbound.details


def names_of(message: Incoming) -> list[tuple[str, str]]:
    """Give the names by which a part of ours may be known, each with the account."""
    echo = message.message.details.get(KEY)
    found = [echo.get(name) for name in NAMES] if isinstance(echo, dict) else []
    return [(message.message.account, str(name)) for name in found if name not in (None, "", 0, "0")]


async def read_echoes(transaction: RoutingTransaction, view: View, messages: Sequence[Incoming]) -> None:
    """Read which echoes are ours; a batch without any asks nothing."""
    echoes = [message for message in messages if is_echo(message) and view.owner_of_own(message) is None]
    names = {name for message in echoes for name in names_of(message)}
    if names:
        view.own_parts = dict(await transaction.own_parts(names))
    chats = {(m.message.account, chat) for m in _unknown(echoes, view) if (chat := chat_of(m.message))}
    for account, chat, message_id, text in await transaction.parts_under_way(chats) if chats else ():
        view.under_way[account, chat].append((message_id, text))


def ours(message: Incoming, view: View) -> int | None:
    """Give the message of ours that an echo is."""
    named = next((view.own_parts[name] for name in names_of(message) if name in view.own_parts), None)
    if named is not None:
        return named
    text, chat = _words(message.message.text.content), (message.message.account, chat_of(message.message))
    if not text or _is_named(message):
        return None
    return next((message_id for message_id, whole in view.under_way.get(chat, ()) if text == _words(whole)), None)


def _words(text: str) -> str:
    """Give a text as it is compared: platforms lay out blanks anew."""
    return " ".join(text.split())


def _is_named(message: Incoming) -> bool:
    """Whether the platform gave it the name of a part, which then says more than its words: VK's random_id."""
    echo = message.message.details.get(KEY)
    return isinstance(echo, dict) and echo.get("random_id") not in (None, "", 0, "0")


def _unknown(echoes: Iterable[Incoming], view: View) -> Iterable[Incoming]:
    return (message for message in echoes if not any(name in view.own_parts for name in names_of(message)))
