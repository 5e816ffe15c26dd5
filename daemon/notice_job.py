"""Notices, as recurring work of the process that sends."""

import asyncio
from collections.abc import Collection
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
from lifecycle.notices import AccountNotices
from router.incoming import MAIL
from schemas.message import Party
from ticket_store.instance import Instance
from ticket_store.notices import NoticeStore, count_due
from ticket_store.numbers import TicketNumbers
from ticket_store.pool import Pool

EVERY: Final = 1.0
"""Seconds between two looks at what is due."""
NO_WAY: Final = "nothing can be sent on this account"
NO_RELAY: Final = "no relay is set (outbound.smtp.host)"

_log = structlog.get_logger(__name__)


class NoticeJob:
    """Settles what is due, batch after batch, and measures what waits. `ways` are the lanes that have a way out."""

    def __init__(
        self,
        *,
        settings: Settings,
        pool: Pool,
        instance: Instance,
        metrics: NoticeMetrics,
        ways: Collection[str],
    ) -> None:
        self._pool = pool
        self._metrics = metrics
        store = NoticeStore(pool=pool, numbers=TicketNumbers(key=instance.ticket_number_key))
        self._worker = NoticeWorker(
            desk=NoticeDesks(store=store, instance=instance),
            accounts={name: _account(settings, name, ways) for name in settings.account_notices},
            senders={name: Party(address=name) for name in settings.accounts} | desks(settings),
            limits=settings.notices.limits(),
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


def _account(settings: Settings, name: str, ways: Collection[str]) -> AccountNotices:
    """Give what an account tells, and why it cannot, if it cannot."""
    found = settings.account_notices[name].account()
    channel = settings.account(name).channel
    if channel == MAIL:
        return found if MAIL in ways else replace(found, no_way_out=NO_RELAY)
    return found if f"{channel}:{name}" in ways else replace(found, no_way_out=NO_WAY)
