"""What routing needs of the store for conversations alone; a batch without any asks for none of it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from schemas.conversation_rows import ConversationKey, TalkRow


class ConversationTransaction(Protocol):
    """The part of a routing transaction that knows conversations. The order of locks is the router's."""

    async def lock_conversations(self, keys: Collection[ConversationKey]) -> Sequence[TalkRow]:
        """Create what is missing, then lock all, both in sorted order."""
        ...
