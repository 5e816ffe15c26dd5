"""What `route` does about the spool: says when somebody should look, and discards machines' mail that nobody did."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from daemon.metrics import RouteMetrics
from router.desk import Desk, NotHeldError
from ticket_store.backlog import Backlog
from ticket_store.pool import Pool
from ticket_store.spool import expired

AT_ONCE: Final = 200

_log = structlog.get_logger(__name__)


class SpoolWatch:
    """Turns counts into metrics, and warns once when messages begin to be overdue."""

    def __init__(self, *, metrics: RouteMetrics) -> None:
        self._metrics = metrics
        self._reasons: set[str] = set()
        self._overdue = 0

    def see(self, backlog: Backlog) -> None:
        """Take the newest counts; a reason that nothing is held for any more goes to 0."""
        self._metrics.spool.set(backlog.held)
        self._metrics.spool_overdue.set(backlog.overdue)
        for reason in self._reasons.union(backlog.held_by_reason):
            self._metrics.spool_reasons.labels(reason=reason).set(backlog.held_by_reason.get(reason, 0))
        self._reasons.update(backlog.held_by_reason)
        if backlog.overdue and not self._overdue:
            _log.warning("held messages are overdue", overdue=backlog.overdue, look="switchboard spool list")
        self._overdue = backlog.overdue


class SpoolRetention:
    """Discards machines' mail that has been held for `keep`; people's messages wait for people, however long."""

    def __init__(
        self, *, pool: Pool, desk: Desk, keep: timedelta, metrics: RouteMetrics, clock: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._desk = desk
        self._keep = keep
        self._metrics = metrics
        self._clock = clock

    async def apply(self) -> None:
        """Discard what has waited too long, each with a trace; raises what the store does."""
        while found := await self._expired():
            for message_id in found:
                await self._discard(message_id)
            if len(found) < AT_ONCE:
                return

    async def _expired(self) -> list[int]:
        async with self._pool.connection() as connection:
            return await expired(connection, before=self._clock() - self._keep, limit=AT_ONCE)

    async def _discard(self, message_id: int) -> None:
        try:
            await self._desk.discard(message_id, by="retention")
        except NotHeldError:
            return  # somebody placed it meanwhile
        self._metrics.expired.inc()
