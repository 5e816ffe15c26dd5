"""Endpoints of webhooks as operators keep them, and the log of what was sent to them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from schemas.webhook_rows import TEST_TYPE, AttemptRow, DispatchRow, Endpoint, EndpointState
from ticket_store.pool import Pool
from ticket_store.statements import statement

MOST = 200
"""Endpoints of an installation, at most: every event is held against each of them."""
MOST_OF_TOKEN = 10
"""Endpoints that one token of the API has made, at most."""

Seen = Collection[str] | None
"""Accounts that may be seen, None: all. An endpoint that gets events of others is as if it were not there."""


class TooManyEndpointsError(Exception):
    """There are as many endpoints as may be; the message says how many."""


class Webhooks:
    """The endpoints on a pool. Every call is one transaction."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self,
        *,
        name: str,
        url: str,
        accounts: Collection[str] | None,
        types: Collection[str] | None,
        secret: bytes,
        token_id: int | None = None,
        now: datetime,
    ) -> int:
        """Make an endpoint with its first secret, and give its number. Raises `TooManyEndpointsError`."""
        row = {
            "name": name,
            "url": url,
            "accounts": None if accounts is None else sorted(accounts),
            "types": None if types is None else sorted(types),
            "token_id": token_id,
            "most": MOST,
            "most_of_token": MOST_OF_TOKEN,
            "now": now,
        }
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(statement("webhooks", "lock_endpoint_list"))
            cursor = await connection.execute(statement("webhooks", "add_endpoint"), row)
            made = await cursor.fetchone()
            if made is None:
                raise TooManyEndpointsError(
                    f"there are {MOST} endpoints, or {MOST_OF_TOKEN} of this token: remove one that nobody needs"
                )
            which = {"endpoint_id": made[0], "secret": secret, "now": now}
            await connection.execute(statement("webhooks", "add_secret"), which)
        return int(made[0])

    async def all(self, *, seen: Seen = None, now: datetime) -> Sequence[Endpoint]:
        """Give the endpoints that may be seen, the oldest first."""
        return await self._endpoints(None, seen, now)

    async def find(self, endpoint_id: int, *, seen: Seen = None, now: datetime) -> Endpoint | None:
        """Give one; None when it is not there, or may not be seen."""
        return next(iter(await self._endpoints(endpoint_id, seen, now)), None)

    async def set_state(self, endpoint_id: int, state: EndpointState, *, reason: str, now: datetime) -> bool:
        """Pause it, or let it go on at once; False when it is not there."""
        async with self._pool.connection() as connection:
            which = {"endpoint_id": endpoint_id, "state": state, "reason": reason, "now": now}
            cursor = await connection.execute(statement("webhooks", "set_state"), which)
            found = await cursor.fetchall()
            if state is EndpointState.ACTIVE:
                await connection.execute(statement("webhook_queue", "hurry_tracks"), which)
        return bool(found)

    async def take_over(self, endpoint_id: int) -> None:
        """Make it an operator's: it outlives the token that made it."""
        async with self._pool.connection() as connection:
            await connection.execute(statement("webhooks", "take_over"), {"endpoint_id": endpoint_id})

    async def rotate(self, endpoint_id: int, *, secret: bytes, retires_at: datetime, now: datetime) -> bool:
        """Sign with a new secret from now on, and with the one before it, too, until then; False: no such endpoint."""
        which = {"endpoint_id": endpoint_id, "secret": secret, "retires_at": retires_at, "now": now}
        async with self._pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(statement("webhook_queue", "lock_endpoint"), which)
            if not await cursor.fetchall():
                return False
            await connection.execute(statement("webhooks", "retire_secrets"), which)
            await connection.execute(statement("webhooks", "add_secret"), which)
        return True

    async def remove(self, endpoint_id: int) -> bool:
        """Remove it with everything; False when it is not there."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("webhooks", "remove_endpoint"), {"endpoint_id": endpoint_id})
            return bool(await cursor.fetchall())

    async def test(self, endpoint_id: int, *, event_id: UUID, event: str, now: datetime) -> int | None:
        """Send a test event and give its dispatch; None when the endpoint is not there or not active."""
        which = {"endpoint_id": endpoint_id, "event_id": event_id, "type": TEST_TYPE, "event": event, "now": now}
        async with self._pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(statement("webhook_queue", "lock_endpoint"), which)
            found = await cursor.fetchone()
            if found is None or found[0] != EndpointState.ACTIVE:
                return None
            cursor = await connection.execute(statement("webhooks", "add_test"), which)
            row = await cursor.fetchone()
        return None if row is None else int(row[0])

    async def again(self, endpoint_id: int, dispatch_id: int, *, now: datetime) -> bool:
        """Send an event once more, under the same id; one that waits is tried now. False when it is not there."""
        which = {"endpoint_id": endpoint_id, "id": dispatch_id, "now": now}
        async with self._pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(statement("webhook_queue", "lock_endpoint"), which)
            if not await cursor.fetchall():
                return False
            await connection.execute(statement("webhooks", "send_again"), which)
            await connection.execute(statement("webhooks", "send_now"), which)
        return bool(await self.log(endpoint_id, dispatch_id=dispatch_id, limit=1))

    async def log(
        self,
        endpoint_id: int,
        *,
        state: str | None = None,
        before: int | None = None,
        dispatch_id: int | None = None,
        limit: int,
    ) -> Sequence[DispatchRow]:
        """Give dispatches, the newest first: of one state, and with numbers under `before`."""
        which = {"endpoint_id": endpoint_id, "state": state, "before": before, "id": dispatch_id, "limit": limit}
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(DispatchRow)) as cursor,
        ):
            await cursor.execute(statement("webhooks", "dispatches"), which)
            return await cursor.fetchall()

    async def attempts(self, dispatch_id: int) -> Sequence[AttemptRow]:
        """Give the tries of a dispatch."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(AttemptRow)) as cursor,
        ):
            await cursor.execute(statement("webhooks", "attempts"), {"id": dispatch_id})
            return await cursor.fetchall()

    async def _endpoints(self, endpoint_id: int | None, seen: Seen, now: datetime) -> Sequence[Endpoint]:
        which = {"endpoint_id": endpoint_id, "seen": None if seen is None else sorted(seen), "now": now}
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Endpoint)) as cursor:
            await cursor.execute(statement("webhooks", "endpoints"), which)
            return await cursor.fetchall()
