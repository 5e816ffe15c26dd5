"""Requests of the API that may come twice, and the files that were uploaded for answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from psycopg.rows import class_row

from ticket_store.pool import Pool
from ticket_store.statements import statement

LEASE: Final = timedelta(seconds=90)
"""After which a request whose worker died may be done by whoever asks again."""
KEPT: Final = timedelta(days=2)
"""Answers and unused uploads are kept so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRequest:
    """A request that came before. `status` None: it is still at work."""

    request_hash: bytes
    status: int | None
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that waits for its message."""

    id: int
    name: str
    content_type: str
    size: int
    sha256: str


class ApiRequests:
    """Keys and uploads on a pool."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, token_id: int, key: str, *, request_hash: bytes, now: datetime) -> KeptRequest | None:
        """Claim a key: None when the request shall be done now, else what came before under this key."""
        which = {"token_id": token_id, "key": key}
        claim = {**which, "request_hash": request_hash, "lease_until": now + LEASE, "now": now}
        async with self._pool.connection() as connection:
            await connection.execute(statement("api_requests", "purge_requests"), {"before": now - KEPT})
            cursor = await connection.execute(statement("api_requests", "begin_request"), claim)
            if await cursor.fetchone():
                return None
            async with connection.cursor(row_factory=class_row(KeptRequest)) as reader:
                await reader.execute(statement("api_requests", "read_request"), which)
                return await reader.fetchone()

    async def finish(self, token_id: int, key: str, *, status: int, content_type: str, body: bytes) -> None:
        """Keep the answer."""
        answer = {"token_id": token_id, "key": key, "status": status, "content_type": content_type, "body": body}
        async with self._pool.connection() as connection:
            await connection.execute(statement("api_requests", "finish_request"), answer)

    async def drop(self, token_id: int, key: str) -> None:
        """Let the key be used again: nothing was done."""
        async with self._pool.connection() as connection:
            await connection.execute(statement("api_requests", "drop_request"), {"token_id": token_id, "key": key})

    async def add_upload(
        self, token_id: int, *, name: str, content_type: str, size: int, sha256: str, now: datetime
    ) -> int:
        """Note a file whose bytes lie in the blob store, and give its id; old ones are let go."""
        file = {"token_id": token_id, "name": name, "content_type": content_type, "size": size, "now": now}
        async with self._pool.connection() as connection:
            await connection.execute(statement("api_requests", "purge_uploads"), {"before": now - KEPT})
            cursor = await connection.execute(
                statement("api_requests", "add_upload"), {**file, "sha256": bytes.fromhex(sha256)}
            )
            row = await cursor.fetchone()
        if row is None:
            raise LookupError("the upload was not stored")
        return int(row[0])

    async def uploads(self, token_id: int, ids: Sequence[int]) -> list[Upload]:
        """Give a token's own uploads, in the order asked for; those that are not there are left out."""
        which = {"token_id": token_id, "ids": list(ids)}
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Upload)) as cursor:
            await cursor.execute(statement("api_requests", "read_uploads"), which)
            found = {row.id: row for row in await cursor.fetchall()}
        return [found[one] for one in ids if one in found]
