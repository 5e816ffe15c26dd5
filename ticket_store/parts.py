"""The pieces of what we send to conversations, and the paces of accounts: shared by all processes that send."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from psycopg.rows import TupleRow

from schemas.conversation_rows import ContactRow
from schemas.part_rows import MarkedPart, PartRow, Turn
from ticket_store.pool import Pool
from ticket_store.statements import statement


class PostgresParts:
    """Every call is one transaction; when it returns, what it says is durable."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, message_id: int, echoes: Mapping[int, str]) -> Sequence[PartRow]:
        """Store pieces before the first try, and give what became of each so far."""
        which = {"message_id": message_id, "parts": list(echoes), "echoes": list(echoes.values())}
        async with self._pool.connection() as connection:
            await connection.execute(statement("parts", "begin_parts"), which)
            cursor = await connection.execute(statement("parts", "parts"), which)
            return [PartRow(*row) for row in await cursor.fetchall()]

    async def try_part(self, message_id: int, part: int, *, claim: int, now: datetime) -> bool:
        """Say that a piece is being sent now; False when the claim was lost to somebody else."""
        which = {"message_id": message_id, "part": part, "claim": claim, "now": now}
        return await self._one("try_part", which) is not None

    async def mark(self, row: MarkedPart) -> None:
        """Note what a call came to; an id of the platform leads to the message from now on."""
        values = row._asdict()
        async with self._pool.connection() as connection:
            digests = {*row.also, *([] if row.known is None else [row.known])}
            for digest in sorted(digests):  # ids before parts: the order of locks
                known = {"digest": digest, "message_id": row.message_id, "now": row.now}
                await connection.execute(statement("parts", "known_id"), known)
                await connection.execute(statement("parts", "claim_early"), known)
            await connection.execute(statement("parts", "mark_part"), values)

    async def moved(self, account: str, chat: str, *, moved_to: str, now: datetime) -> None:
        """Remember that a platform moved a conversation."""
        which = {"account": account, "chat": chat, "moved_to": moved_to, "now": now}
        async with self._pool.connection() as connection:
            await connection.execute(statement("parts", "moved_chat"), which)

    async def gone(self, row: ContactRow) -> None:
        """Remember that a conversation may not be written to any more."""
        columns = ("accounts", "address_keys", "channels", "addresses", "states", "sinces")
        values = {column: [value] for column, value in zip(columns, row, strict=True)}
        async with self._pool.connection() as connection:
            await connection.execute(statement("conversations", "change_contacts"), values)

    async def contact(self, account: str, address_key: bytes) -> str:
        """Give what is known of a conversation, such as `blocked`; empty when nothing is."""
        row = await self._one("contact", {"account": account, "address_key": address_key})
        return "" if row is None else str(row[0])

    async def chat_now(self, account: str, chat: str) -> str:
        """Give where a conversation is now."""
        row = await self._one("chat_now", {"account": account, "chat": chat})
        return chat if row is None else str(row[0])

    async def _one(self, name: str, parameters: Mapping[str, object]) -> TupleRow | None:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("parts", name), parameters)
            return await cursor.fetchone()


class PostgresPaces:
    """Turns of accounts and of their conversations."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def take(
        self,
        account: str,
        chat: str,
        *,
        every: tuple[timedelta, timedelta],
        now: datetime,
        latest: datetime,
    ) -> Turn:
        """Take the next turn. `every`: pause of the account and of the conversation. Not taken when after `latest`."""
        account_every, chat_every = every
        which = {"account": account, "chat": chat, "now": now, "latest": latest}
        which |= {"account_every": account_every, "chat_every": chat_every}
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(statement("parts", "lock_pace"), {"account": account})
            cursor = await connection.execute(statement("parts", "take_pace"), which)
            row = await cursor.fetchone()
        return Turn(*row) if row is not None else Turn(now, taken=True)

    async def told_to_wait(self, account: str, chat: str, *, until: datetime, now: datetime) -> None:
        """Remember that the platform told us to wait."""
        which = {"account": account, "chat": chat, "until": until, "now": now}
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(statement("parts", "lock_pace"), {"account": account})
            await connection.execute(statement("parts", "told_to_wait"), which)
