"""Dialogues on pages of ours: lines in the order in which pages get them, and hints that there is a new one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, Rollback
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from schemas.dialogue_rows import DialogueLine, OwnWords
from ticket_store.pool import CONNECT_SECONDS, Pool
from ticket_store.statements import statement


class PostgresDialogues:
    """All dialogues of a deployment; a digest is that of the conversation's id, in hexadecimal."""

    def __init__(self, *, pool: Pool, conninfo: str) -> None:
        self._pool = pool
        self._conninfo = conninfo

    async def say(
        self, digest: str, *, echo: str, body: str, files: Sequence[Mapping[str, Any]], at: datetime
    ) -> tuple[int, datetime]:
        """Keep what we say, and give its number and time; what was said before keeps both. Raises `psycopg.Error`."""
        key = {"digest": bytes.fromhex(digest)}
        async with self._pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(statement("dialogues", "number_line"), key)
            (line,) = await cursor.fetchone() or (0,)
            cursor = await connection.execute(statement("dialogues", "said_before"), {**key, "echo": echo})
            before = await cursor.fetchone()
            if before is not None:
                raise Rollback
            row = {**key, "line": line, "echo": echo, "body": body, "files": Jsonb(list(files)), "said_at": at}
            await connection.execute(statement("dialogues", "write_line"), row)
            await connection.execute(statement("dialogues", "hint_line"), {"digest": digest})
        return (line, at) if before is None else (before[0], before[1])

    async def after(self, digest: str, line: int, *, most: int) -> list[DialogueLine]:
        """Read what came after a line, the oldest first. Raises `psycopg.Error`."""
        return await self._lines("lines_after", {"digest": bytes.fromhex(digest), "after": line, "most": most})

    async def last(self, digest: str, *, most: int) -> list[DialogueLine]:
        """Read the newest lines, the oldest of them first. Raises `psycopg.Error`."""
        return (await self._lines("last_lines", {"digest": bytes.fromhex(digest), "most": most}))[::-1]

    async def own(self, digest: str, *, most: int) -> list[OwnWords]:
        """Read the newest of what the person said, the oldest of them first. Raises `psycopg.Error`."""
        parameters = {"digest": bytes.fromhex(digest), "most": most}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("dialogues", "own_words"), parameters)
            rows = await cursor.fetchall()
        return [OwnWords((shown or "").rpartition(":")[2], *rest) for shown, *rest in reversed(rows)]

    async def line(self, digest: str, line: int) -> DialogueLine | None:
        """Read one line. Raises `psycopg.Error`."""
        found = await self._lines("one_line", {"digest": bytes.fromhex(digest), "line": line})
        return found[0] if found else None

    async def ticket(self, digest: str) -> str | None:
        """Give the number of the ticket on which a dialogue goes on, if there is one yet. Raises `psycopg.Error`."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                statement("dialogues", "ticket_of_dialogue"), {"digest": bytes.fromhex(digest)}
            )
            found = await cursor.fetchone()
        return None if found is None else str(found[0])

    async def began(self, digest: str) -> datetime | None:
        """Tell when the first words of the person came that are still kept. Raises `psycopg.Error`."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                statement("dialogues", "first_own_words"), {"digest": bytes.fromhex(digest)}
            )
            found = await cursor.fetchone()
        return None if found is None else found[0]

    async def standing(self, digests: Sequence[str]) -> Mapping[str, int]:
        """Say which dialogues have how many lines. Raises `psycopg.Error`."""
        parameters = {"digests": [bytes.fromhex(digest) for digest in digests]}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("dialogues", "where_dialogues_stand"), parameters)
            return dict(await cursor.fetchall())

    async def hear(self, hint: Callable[[str], None], *, began: Callable[[], None]) -> None:
        """Call `hint` with the digest of every dialogue that has a new line, until the session ends.

        `began` is called when hints come: what was said before that was not heard. Raises `psycopg.OperationalError`.
        """
        session = await AsyncConnection.connect(
            self._conninfo, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="switchboard dialogues"
        )
        async with session:
            await session.execute(statement("dialogues", "hear_hints"))
            began()
            async for notice in session.notifies():
                hint(notice.payload)

    async def _lines(self, name: str, parameters: Mapping[str, object]) -> list[DialogueLine]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(DialogueLine)) as cursor,
        ):
            await cursor.execute(statement("dialogues", name), parameters)
            return await cursor.fetchall()
