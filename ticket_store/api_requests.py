"""Requests of the API that may come twice, and the files that were uploaded for answers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from ticket_store.pool import Pool
from ticket_store.statements import statement

LEASE: Final = timedelta(seconds=90)
"""After which a request whose worker died may be done by whoever asks again."""
KEPT: Final = timedelta(days=2)
"""Answers and unused uploads are kept so long."""
MOST_UPLOADS: Final = 200
MOST_UPLOADED: Final = 500 * 1024 * 1024
"""Files of one token, and their bytes, that may wait for a message at a time."""


class NoRoomError(Exception):
    """As many files of this token wait for a message as may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claimed key: only its owner may finish or drop it."""

    token_id: int
    key: str
    owner: UUID


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

    async def begin(self, token_id: int, key: str, *, request_hash: bytes, now: datetime) -> Lease | KeptRequest:
        """Claim a key: a lease when the request shall be done now, else what came before under this key."""
        lease = Lease(token_id=token_id, key=key, owner=uuid4())
        claim = {**asdict(lease), "request_hash": request_hash, "lease_until": now + LEASE, "now": now}
        async with self._pool.connection() as connection:
            await connection.execute(statement("api_requests", "purge_requests"), {"before": now - KEPT})
        while True:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(statement("api_requests", "begin_request"), claim)
                if await cursor.fetchone():
                    return lease
                found = await self._kept(connection, token_id, key)
            if found is not None:  # else it was dropped just now: the key is free again
                return found

    async def finish(self, lease: Lease, *, status: int, content_type: str, body: bytes) -> KeptRequest | None:
        """Keep the answer; None, or what stands there instead when somebody else has taken the lease over."""
        answer = {**asdict(lease), "status": status, "content_type": content_type, "body": body}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("api_requests", "finish_request"), answer)
            if await cursor.fetchone():
                return None
            return await self._kept(connection, lease.token_id, lease.key)

    async def drop(self, lease: Lease) -> None:
        """Let the key be used again: nothing was done. Does nothing when somebody else has taken the lease over."""
        async with self._pool.connection() as connection:
            await connection.execute(statement("api_requests", "drop_request"), asdict(lease))

    async def check_room(self, token_id: int, size: int, *, now: datetime) -> None:
        """Raise `NoRoomError` when a file of so many bytes may not wait beside the token's others."""
        async with self._pool.connection() as connection:
            await _check_room(connection, token_id, size, now)

    async def add_upload(
        self, token_id: int, *, name: str, content_type: str, size: int, sha256: str, now: datetime
    ) -> int:
        """Note a file whose bytes lie in the blob store, and give its id; old ones are let go. Raises `NoRoomError`."""
        file = {"token_id": token_id, "name": name, "content_type": content_type, "size": size, "now": now}
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(statement("api_requests", "purge_uploads"), {"before": now - KEPT})
            await connection.execute(statement("api_requests", "lock_uploads"), {"token_id": token_id})
            await _check_room(connection, token_id, size, now)
            cursor = await connection.execute(
                statement("api_requests", "add_upload"), {**file, "sha256": bytes.fromhex(sha256)}
            )
            row = await cursor.fetchone()
        if row is None:
            raise LookupError("the upload was not stored")
        return int(row[0])

    async def use_uploads(self, token_id: int, ids: Sequence[int], *, now: datetime) -> None:
        """Note that a message has these files: they count no more."""
        if ids:
            which = {"token_id": token_id, "ids": list(ids), "now": now}
            async with self._pool.connection() as connection:
                await connection.execute(statement("api_requests", "use_uploads"), which)

    async def uploads(self, token_id: int, ids: Sequence[int]) -> list[Upload]:
        """Give a token's own uploads, in the order asked for; those that are not there are left out."""
        which = {"token_id": token_id, "ids": list(ids)}
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Upload)) as cursor:
            await cursor.execute(statement("api_requests", "read_uploads"), which)
            found = {row.id: row for row in await cursor.fetchall()}
        return [found[one] for one in ids if one in found]

    async def _kept(self, connection: AsyncConnection[TupleRow], token_id: int, key: str) -> KeptRequest | None:
        async with connection.cursor(row_factory=class_row(KeptRequest)) as reader:
            await reader.execute(statement("api_requests", "read_request"), {"token_id": token_id, "key": key})
            return await reader.fetchone()


async def _check_room(connection: AsyncConnection[TupleRow], token_id: int, size: int, now: datetime) -> None:
    which = {"token_id": token_id, "since": now - KEPT}
    cursor = await connection.execute(statement("api_requests", "waiting_uploads"), which)
    files, waiting = await cursor.fetchone() or (0, 0)
    if files >= MOST_UPLOADS or waiting + size > MOST_UPLOADED:
        raise NoRoomError
