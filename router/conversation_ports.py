"""What routing needs of the store for conversations alone; a batch without any asks for none of it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from schemas.conversation_rows import AmendableRow, ContactRow, ConversationKey, TalkRow


class ConversationTransaction(Protocol):
    """The part of a routing transaction that knows conversations. The order of locks is the router's."""

    async def lock_conversations(self, keys: Collection[ConversationKey]) -> Sequence[TalkRow]:
        """Create what is missing, then lock all, both in sorted order."""
        ...

    async def lock_amendable(self, message_ids: Collection[int]) -> Sequence[AmendableRow]:
        """Lock messages that others wrote, behind their tickets, and read them."""
        ...

    async def contacts_of(self, keys: Collection[tuple[str, bytes]]) -> Sequence[ContactRow]:
        """Lock what is known of chats, by account and key of the chat's id, behind the tickets."""
        ...

    async def sends_up_to(self, message_ids: Collection[int]) -> Sequence[tuple[int, int]]:
        """Find what we sent into the same conversations before these messages of ours: pairs of both."""
        ...
