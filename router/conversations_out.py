"""Where an answer goes on a channel of conversations: into the one in which its requester wrote. Pure.

A chat id is read from the conversation's shown id, `<channel>:<account>:<chat id>`, and the platform's id of a message
from `<channel>:<account>:<chat id>:<message id>`. An id that was cut for display is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from schemas.message import Party, ThreadId
from schemas.outbound_rows import ConversationRow, SpokenRow
from schemas.placement import Author, Visibility

SHOWN_WHOLE: Final = 255
"""A shown id of this length may have been cut."""


class NoConversationError(Exception):
    """There is no conversation to answer in; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation at a platform. `answers` is the platform's id of the message that is answered, or empty."""

    channel: str
    account: str
    chat: str
    is_group: bool = False
    answers: str = ""

    @property
    def shown(self) -> str:
        """Give its thread id as written."""
        return f"{self.channel}:{self.account}:{self.chat}"

    @property
    def thread_id(self) -> ThreadId:
        """Give its thread id."""
        return thread_id(self.shown)

    @property
    def answered(self) -> tuple[ThreadId, ...]:
        """Give the id of the message that is answered."""
        return (thread_id(message_shown(self.shown, self.answers)),) if self.answers else ()

    @property
    def party(self) -> Party:
        """Give who gets it: the chat."""
        return Party(address=self.chat)

    def details(self) -> dict[str, object]:
        """Give what the sender must know of it beside the chat."""
        found: dict[str, object] = {"group": True} if self.is_group else {}
        return found | ({"answers": self.answers} if self.answers else {})


def conversation_of(row: ConversationRow | None) -> Conversation:
    """Give where the requester wrote; a conversation that moved, where it is now. Raises `NoConversationError`."""
    if row is None:
        raise NoConversationError("its requester has written in no conversation, so there is nowhere to answer")
    prefix = f"{row.channel}:{row.account}:"
    if not row.conversation.startswith(prefix) or not prefix < row.conversation or len(row.conversation) >= SHOWN_WHOLE:
        raise NoConversationError("the id of its conversation is not whole, so nobody can answer there")
    chat = row.moved_to or row.conversation.removeprefix(prefix)
    return Conversation(
        channel=row.channel, account=row.account, chat=chat, is_group=row.is_group, answers=_answers(row)
    )


def is_talked_elsewhere(spoken: Sequence[SpokenRow]) -> bool:
    """Whether the customer wrote last in a conversation, on a ticket of mail. `spoken` is the newest first."""
    theirs = (row for row in spoken if row.visibility == Visibility.PUBLIC and row.author == Author.CUSTOMER)
    latest = next(theirs, None)
    return latest is not None and bool(latest.thread.get("conversation"))


def message_shown(conversation: str, platform_id: str) -> str:
    """Give the shown id of a message in a conversation."""
    return f"{conversation}:{platform_id}"


def thread_id(shown: str) -> ThreadId:
    """Make a thread id of what is shown of it."""
    digest = sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()
    return ThreadId(digest=digest, shown=shown[:SHOWN_WHOLE])


def _answers(row: ConversationRow) -> str:
    """Quote what is answered where others speak, too: between two people it is plain what an answer is about."""
    prefix = f"{row.conversation}:"
    is_whole = row.own.startswith(prefix) and len(row.own) < SHOWN_WHOLE
    return row.own.removeprefix(prefix) if row.is_group and is_whole and row.moved_to is None else ""
