"""Tokens of the HTTP API. Only the digest of a secret is stored; who shows a secret must have just made it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from ticket_store.pool import Pool
from ticket_store.statements import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTokenRow:
    """One token as it is stored. `accounts` None: every account."""

    id: int
    prefix: str
    digest: bytes = field(repr=False)
    name: str
    scopes: list[str]
    accounts: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class ApiTokens:
    """The tokens on a pool."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self,
        *,
        prefix: str,
        digest: bytes,
        name: str,
        scopes: Collection[str],
        accounts: Collection[str] | None,
        now: datetime,
        expires_at: datetime | None,
    ) -> ApiTokenRow:
        """Store a new token."""
        (row,) = await self._rows(
            statement("api_tokens", "add_token"),
            prefix=prefix,
            digest=digest,
            name=name,
            scopes=sorted(scopes),
            accounts=None if accounts is None else sorted(accounts),
            now=now,
            expires_at=expires_at,
        )
        return row

    async def find(self, prefix: str) -> ApiTokenRow | None:
        """Give the token with this public part, also one that has ended."""
        return next(iter(await self._rows(statement("api_tokens", "find_token"), prefix=prefix)), None)

    async def all(self) -> list[ApiTokenRow]:
        """Give every token ever made, the oldest first."""
        return await self._rows(statement("api_tokens", "list_tokens"))

    async def revoke(self, prefix: str, *, now: datetime) -> ApiTokenRow | None:
        """End a token; None when there is none."""
        return next(iter(await self._rows(statement("api_tokens", "revoke_token"), prefix=prefix, now=now)), None)

    async def used(self, token_id: int, *, now: datetime) -> None:
        """Note when it was used last, to the minute."""
        async with self._pool.connection() as connection:
            await connection.execute(statement("api_tokens", "token_used"), {"id": token_id, "now": now})

    async def _rows(self, query: LiteralString, **parameters: object) -> list[ApiTokenRow]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(ApiTokenRow)) as cursor,
        ):
            await cursor.execute(query, parameters)
            return await cursor.fetchall()
