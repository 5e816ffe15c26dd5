"""What a routing transaction asks of conversations: chats, their parts, people, proofs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.conversation_rows import AmendableRow, ContactRow, ConversationKey, TalkRow
from schemas.identity_rows import LinkRow, NewProofRow, ProofRow
from schemas.routing_rows import HeldMessageRow
from ticket_store.statements import statement

ABOUT: Final = len(AmendableRow._fields) - 1
"""Columns of `lock_amendable` before those of the message itself."""


class ConversationStatements:
    """The part of a routing transaction that batches without conversations never ask for."""

    def __init__(self, *, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    async def lock_conversations(self, keys: Collection[ConversationKey]) -> Sequence[TalkRow]:
        """Create what is missing, then lock all, both in sorted order."""
        digests, scopes, channels, accounts = (list(column) for column in zip(*sorted(keys), strict=True))
        parameters = {"digests": digests, "scopes": scopes, "channels": channels, "accounts": accounts}
        await self._connection.execute(statement("conversations", "insert_conversations"), parameters)
        rows = await self._conversation_rows("lock_conversations", {"digests": digests})
        return [TalkRow(*row) for row in rows]

    async def lock_amendable(self, message_ids: Collection[int]) -> Sequence[AmendableRow]:
        """Lock messages that others wrote, behind their tickets, and read them."""
        rows = await self._conversation_rows("lock_amendable", {"message_ids": sorted(message_ids)})
        return [AmendableRow._make((*row[:ABOUT], HeldMessageRow(*row[ABOUT:]))) for row in rows]

    async def contacts_of(self, keys: Collection[tuple[str, bytes]]) -> Sequence[ContactRow]:
        """Lock what is known of chats, by account and key of the chat's id, behind the tickets."""
        accounts, address_keys = (list(column) for column in zip(*sorted(keys), strict=True))
        parameters = {"accounts": accounts, "address_keys": address_keys}
        return [ContactRow(*row) for row in await self._conversation_rows("contacts_of", parameters)]

    async def sends_up_to(self, message_ids: Collection[int]) -> Sequence[tuple[int, int]]:
        """Find what we sent into the same conversations before these messages of ours: pairs of both."""
        rows = await self._conversation_rows("sends_up_to", {"message_ids": sorted(message_ids)})
        return [(row[0], row[1]) for row in rows]

    async def lock_proofs(self, digests: Collection[bytes]) -> Sequence[ProofRow]:
        """Lock proofs that people bring, behind the conversations."""
        rows = await self._conversation_rows("lock_proofs", {"digests": sorted(digests)})
        return [ProofRow(*row) for row in rows]

    async def due_live(self, *, now: datetime, limit: int) -> Sequence[int]:
        """Find live chats in which the time may be over, the longest waiting first."""
        return [row[0] for row in await self._conversation_rows("due_live", {"now": now, "limit": limit})]

    async def waiting_since(self, ticket_id: int) -> datetime | None:
        """Give since when the customer of a ticket waits for an agent; None when the last word was an agent's."""
        rows = await self._conversation_rows("waiting_since", {"ticket_id": ticket_id})
        return rows[0][0] if rows else None

    async def keep_proofs(self, rows: Sequence[NewProofRow]) -> None:
        """Keep the digests of proofs that are given out."""
        text = statement("conversations", "copy_identity_proofs")
        async with self._connection.cursor() as cursor, cursor.copy(text) as copy:
            for row in rows:
                await copy.write_row(row)

    async def links_of(self, ticket_id: int) -> Sequence[LinkRow]:
        """Read who is proven to be the requester of a ticket, or of one that goes on as it."""
        rows = await self._conversation_rows("links_of", {"ticket_id": ticket_id})
        return [LinkRow(*row) for row in rows]

    async def undo_link(self, link_id: int, *, by: str, now: datetime) -> None:
        """Undo a link, under the locks of its conversation and its ticket."""
        parameters = {"id": link_id, "by": by, "now": now}
        await self._connection.execute(statement("conversations", "undo_link"), parameters)

    async def own_parts(self, echoes: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
        """Find messages of ours by account and the name that we gave a part at the platform."""
        accounts, names = (list(column) for column in zip(*sorted(echoes), strict=True))
        rows = await self._conversation_rows("own_parts", {"accounts": accounts, "echoes": names})
        return {(row[0], row[1]): row[2] for row in rows}

    async def parts_under_way(self, chats: Collection[tuple[str, str]]) -> Sequence[tuple[str, str, int, str]]:
        """Find what we are sending into chats just now: account, chat, message and its text."""
        accounts, names = (list(column) for column in zip(*sorted(chats), strict=True))
        rows = await self._conversation_rows("parts_under_way", {"accounts": accounts, "chats": names})
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def _conversation_rows(self, name: str, parameters: Mapping[str, object]) -> list[TupleRow]:
        cursor = await self._connection.execute(statement("conversations", name), parameters)
        return await cursor.fetchall()
