"""Links to forms: made, read, revoked."""

from collections.abc import Mapping
from datetime import datetime

from psycopg.rows import class_row

from schemas.dialogue_rows import FormLink
from ticket_store.pool import Pool
from ticket_store.statements import statement


class PostgresFormLinks:
    """All links of a deployment."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def write(self, link: FormLink) -> None:
        """Keep a new one. Raises `psycopg.Error`."""
        async with self._pool.connection() as connection:
            await connection.execute(statement("form_links", "write_link"), link._asdict())

    async def read(self, account: str, link_id: str) -> FormLink | None:
        """Read one of an account. Raises `psycopg.Error`."""
        found = await self._read("read_link", {"account": account, "id": link_id})
        return found[0] if found else None

    async def list_of(self, account: str | None) -> list[FormLink]:
        """Read those of an account, or all. Raises `psycopg.Error`."""
        return await self._read("read_links", {"account": account})

    async def revoke(self, link_id: str, *, now: datetime) -> bool:
        """End one; False when there is none that could be used. Raises `psycopg.Error`."""
        async with self._pool.connection() as connection:
            done = await connection.execute(statement("form_links", "revoke_link"), {"id": link_id, "now": now})
            return done.rowcount == 1

    async def _read(self, name: str, parameters: Mapping[str, object]) -> list[FormLink]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(FormLink)) as cursor:
            await cursor.execute(statement("form_links", name), parameters)
            return await cursor.fetchall()
