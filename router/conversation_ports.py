"""What routing needs of the store for conversations alone; a batch without any asks for none of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from schemas.conversation_rows import AmendableRow, ContactRow, ConversationKey, TalkRow
from schemas.identity_rows import LinkRow, NewProofRow, ProofRow


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

    async def lock_proofs(self, digests: Collection[bytes]) -> Sequence[ProofRow]:
        """Lock proofs that people bring, behind the conversations."""
        ...

    async def due_live(self, *, now: datetime, limit: int) -> Sequence[int]:
        """Find live chats in which the time may be over, the longest waiting first."""
        ...

    async def waiting_since(self, ticket_id: int) -> datetime | None:
        """Give since when the customer of a ticket waits for an agent; None when the last word was an agent's."""
        ...

    async def keep_proofs(self, rows: Sequence[NewProofRow]) -> None:
        """Keep the digests of proofs that are given out."""
        ...

    async def links_of(self, ticket_id: int) -> Sequence[LinkRow]:
        """Read who is proven to be the requester of a ticket, or of one that goes on as it."""
        ...

    async def undo_link(self, link_id: int, *, by: str, now: datetime) -> None:
        """Undo a link, under the locks of its conversation and its ticket."""
        ...

    async def own_parts(self, echoes: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
        """Find messages of ours by account and the name that we gave a part at the platform."""
        ...

    async def parts_under_way(self, chats: Collection[tuple[str, str]]) -> Sequence[tuple[str, str, int, str]]:
        """Find what we are sending into chats just now: account, chat, message and its text."""
        ...
