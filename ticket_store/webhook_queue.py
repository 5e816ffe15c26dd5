"""Events on their way to webhooks: taken from the topic with the offsets, taken by workers under a lease, and settled.

A track is a ticket's events for one endpoint; its first one alone is sent. Whoever claims a track owns it until its
`due_at`; then somebody else may, and what the first owner says of it counts no more.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from schemas.routing_rows import LogPosition, MovedOffset
from schemas.webhook_rows import DispatchState, DueDispatch, EndpointState, Health, Tried, Waiting
from ticket_store.feed import FedEvent
from ticket_store.pool import Pool
from ticket_store.statements import statement

EXPIRE_AT_ONCE = 1000
MOST_COUNTED = 10_000


class _FasterError(Exception):
    """Somebody else moved an offset: everything is rolled back."""


class WebhookQueue:
    """What is to be sent. Every call is one transaction. `heard` is called when events have come."""

    def __init__(self, *, pool: Pool, heard: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._heard = heard

    async def take(
        self, log: LogPosition, moves: Sequence[MovedOffset], events: Sequence[FedEvent], *, now: datetime
    ) -> bool:
        """Let events go to the endpoints and move the offsets; False, and nothing is stored, when another was faster.

        An endpoint gets every event that happened after it was made: its row is there before the event's is.
        """
        ordered = sorted(moves)
        offsets = {
            **log._asdict(),
            "partitions": [move.partition for move in ordered],
            "expected": [move.expected for move in ordered],
            "next_offsets": [move.next_offset for move in ordered],
        }
        try:
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(statement("routing", "move_offsets"), offsets)
                if len(await cursor.fetchall()) != len(ordered):
                    raise _FasterError  # noqa: TRY301 - rolls back
                cursor = await connection.execute(statement("webhook_queue", "lock_endpoints"))
                endpoints = [row[0] for row in await cursor.fetchall()]
                if endpoints and events:
                    rows = {**_arrays(events), "endpoints": endpoints, "now": now}
                    await connection.execute(statement("webhook_queue", "add_dispatches"), rows)
        except _FasterError:
            return False
        self._heard()
        return True

    async def skip(self, log: LogPosition, moves: Sequence[MovedOffset], *, now: datetime) -> bool:
        """Move offsets past events that are gone; endpoints have no way to hear of it. False as in `take`."""
        return await self.take(log, moves, (), now=now)

    async def purge(self, *, before: datetime) -> None:
        """Give up events that have waited since before then: their endpoint was paused or failed for so long."""
        while await self._expire(before) == EXPIRE_AT_ONCE:
            pass

    async def claim(
        self,
        *,
        owner: UUID,
        busy: Mapping[int, int],
        most: int,
        room: int,
        failing: bool,
        now: datetime,
        until: datetime,
    ) -> Sequence[DueDispatch]:
        """Take tracks that are due: at most `room`, and `most` of an endpoint with those that are `busy` already.

        `failing`: of endpoints whose last try failed, which have one place each; else of the others.
        """
        which = {
            "owner": owner,
            "busy": list(busy),
            "places": list(busy.values()),
            "most": most,
            "room": room,
            "failing": failing,
            "now": now,
            "until": until,
        }
        async with self._pool.connection() as connection:
            await connection.execute(statement("routing", "settings"))
            async with connection.cursor(row_factory=class_row(DueDispatch)) as cursor:
                await cursor.execute(statement("webhook_queue", "claim_tracks"), which)
                return await cursor.fetchall()

    async def settle(
        self, due: DueDispatch, tried: Tried, *, owner: UUID, now: datetime, after: Callable[[Health], Health]
    ) -> tuple[Health, Health] | None:
        """Say what became of a try; give how the endpoint did and does. None when the track was lost or is gone."""
        track = {"endpoint_id": due.endpoint_id, "ticket": due.ticket}
        async with self._pool.connection() as connection, connection.transaction():
            before = await _health(connection, due.endpoint_id)
            held = await connection.execute(statement("webhook_queue", "lock_track"), {**track, "owner": owner})
            if before is None or not await held.fetchall():
                return None
            if await _settled(connection, due, tried, now):
                health = after(before)
                await connection.execute(
                    statement("webhook_queue", "set_health"), {**_values(health), "endpoint_id": due.endpoint_id}
                )
            else:
                health = before
            await connection.execute(
                statement("webhook_queue", "free_track"), {**track, "due_at": tried.next_at or now}
            )
            await connection.execute(statement("webhook_queue", "drop_empty_track"), track)
        return before, health

    async def disable_orphans(self, *, now: datetime) -> Sequence[tuple[int, str]]:
        """Disable endpoints whose token was revoked or has expired; give each with the reason."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("webhook_queue", "disable_orphans"), {"now": now})
            return [(row[0], row[1]) for row in await cursor.fetchall()]

    async def hurry(self, endpoint_id: int, *, now: datetime) -> None:
        """Let what waits for its next try have it now: the endpoint works again."""
        async with self._pool.connection() as connection:
            await connection.execute(
                statement("webhook_queue", "hurry_tracks"), {"endpoint_id": endpoint_id, "now": now}
            )

    async def forget(self, *, before: datetime, now: datetime, limit: int) -> None:
        """Forget dispatches that were over before then, their events, and secrets that sign no more."""
        bounds = {"before": before, "limit": limit}
        async with self._pool.connection() as connection:
            await connection.execute(statement("webhook_queue", "purge_dispatches"), bounds)
            await connection.execute(statement("webhook_queue", "purge_events"), bounds)
            await connection.execute(statement("webhooks", "forget_secrets"), {"now": now})

    async def waiting(self) -> Sequence[Waiting]:
        """Give what waits for every endpoint; of more than 10,000 events that many are counted."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Waiting)) as cursor:
            await connection.execute(statement("routing", "settings"))
            await cursor.execute(statement("webhooks", "waiting"), {"most": MOST_COUNTED})
            return await cursor.fetchall()

    async def _expire(self, before: datetime) -> int:
        async with self._pool.connection() as connection, connection.transaction():
            which = {"before": before, "limit": EXPIRE_AT_ONCE}
            cursor = await connection.execute(statement("webhook_queue", "lock_old_tracks"), which)
            rows = await cursor.fetchall()
            if rows:
                tracks = {"endpoints": [row[0] for row in rows], "tickets": [row[1] for row in rows]}
                await connection.execute(statement("webhook_queue", "expire_dispatches"), {**tracks, "before": before})
                await connection.execute(statement("webhook_queue", "drop_empty_tracks"), tracks)
        return len(rows)


async def _health(connection: AsyncConnection[TupleRow], endpoint_id: int) -> Health | None:
    async with connection.cursor(row_factory=class_row(Health)) as cursor:
        await cursor.execute(statement("webhook_queue", "lock_endpoint"), {"endpoint_id": endpoint_id})
        return await cursor.fetchone()


async def _settled(connection: AsyncConnection[TupleRow], due: DueDispatch, tried: Tried, now: datetime) -> bool:
    """Write the try down; False when the dispatch was given up or begun again meanwhile."""
    done = None if tried.state is DispatchState.PENDING else now
    row = {"id": due.id, "attempt": due.attempt, "state": tried.state, "done_at": done}
    cursor = await connection.execute(statement("webhook_queue", "settle_dispatch"), row)
    if not await cursor.fetchall():
        return False
    entry = {
        "tried_at": tried.tried_at,
        "took_ms": tried.took_ms,
        "status": tried.status,
        "problem": tried.problem,
        "answer": tried.answer,
        "next_at": tried.next_at,
    }
    await connection.execute(statement("webhook_queue", "add_attempt"), {**row, **entry})
    return True


def _values(health: Health) -> dict[str, object]:
    return {
        "state": EndpointState(health.state),
        "reason": health.reason,
        "failures": health.failures,
        "failing_since": health.failing_since,
        "succeeded_at": health.succeeded_at,
        "not_before": health.not_before,
    }


def _arrays(events: Sequence[FedEvent]) -> dict[str, object]:
    return {
        "ids": [event.event_id for event in events],
        "tickets": [event.ticket for event in events],
        "accounts": [event.account for event in events],
        "types": [event.type for event in events],
        "sequences": [event.sequence for event in events],
        "moments": [event.happened_at for event in events],
        "names": [" ".join(event.names) for event in events],
        "events": [event.event for event in events],
    }
