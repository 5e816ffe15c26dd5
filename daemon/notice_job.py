"""Notices, as recurring work of the process that sends."""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from daemon.adapters import STORE_ERRORS, seconds_since
from daemon.clock import now
from daemon.metrics import NoticeMetrics
from daemon.notice_desk import NoticeDesks
from daemon.settings import Settings
from daemon.wiring import desks
from lifecycle.notice_worker import BATCH, NoticeWorker
from ticket_store.instance import Instance
from ticket_store.notices import NoticeStore, count_due
from ticket_store.numbers import TicketNumbers
from ticket_store.pool import Pool

EVERY: Final = 1.0
"""Seconds between two looks at what is due."""
NO_RELAY: Final = "no relay is set (outbound.smtp.host)"

_log = structlog.get_logger(__name__)


class NoticeJob:
    """Settles what is due, batch after batch, and measures what waits."""

    def __init__(self, *, settings: Settings, pool: Pool, instance: Instance, metrics: NoticeMetrics) -> None:
        self._pool = pool
        self._metrics = metrics
        limits = settings.notices.limits()
        store = NoticeStore(pool=pool, numbers=TicketNumbers(key=instance.ticket_number_key))
        self._worker = NoticeWorker(
            desk=NoticeDesks(store=store, instance=instance),
            accounts={name: found.account() for name, found in settings.account_notices.items()},
            senders=desks(settings),
            limits=limits if settings.outbound.smtp.host else replace(limits, no_way_out=NO_RELAY),
            clock=now,
            heard=metrics.settled,
        )

    async def run(self) -> None:
        """Work until cancelled; what fails is tried again at the next look."""
        while True:
            try:
                await self.look()
            except STORE_ERRORS as error:
                _log.warning("notices wait", error=type(error).__name__)
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Do all that is due. Raises the store's errors; what was settled before them stays so."""
        while await self._worker.turn() == BATCH:
            pass
        async with self._pool.connection(timeout=2) as connection:
            waiting, oldest = await count_due(connection)
        self._metrics.due.set(waiting)
        self._metrics.due_age.set(seconds_since(oldest, now()))
