"""What a routing transaction asks of conversations: chats, their parts, people, proofs."""

from collections.abc import Collection, Mapping, Sequence

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.conversation_rows import ConversationKey, TalkRow
from ticket_store.statements import statement


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

    async def _conversation_rows(self, name: str, parameters: Mapping[str, object]) -> list[TupleRow]:
        cursor = await self._connection.execute(statement("conversations", name), parameters)
        return await cursor.fetchall()
