"""Sending notices, as recurring work of a process."""

from daemon.adapters import seconds_since
from daemon.clock import now
from daemon.metrics import NoticeMetrics
from daemon.notice_desk import NoticeDesks, address_of
from daemon.settings import Settings
from lifecycle.notice_worker import BATCH, NoticeWorker
from ticket_store.instance import Instance
from ticket_store.notices import NoticeStore, count_due
from ticket_store.numbers import TicketNumbers
from ticket_store.pool import Pool


class NoticeJob:
    """Settles what is due, batch after batch, and measures what waits."""

    def __init__(self, *, settings: Settings, pool: Pool, instance: Instance, metrics: NoticeMetrics) -> None:
        self._pool = pool
        self._metrics = metrics
        store = NoticeStore(pool=pool, numbers=TicketNumbers(key=instance.ticket_number_key))
        self._worker = NoticeWorker(
            desk=NoticeDesks(store=store, instance=instance),
            accounts={name: found.account() for name, found in settings.account_notices.items()},
            address=address_of(settings),
            limits=settings.notices.limits(),
            clock=now,
            heard=metrics.settled,
        )

    async def notices(self) -> None:
        """Do all that is due. Raises the store's errors; what was settled before them stays so."""
        while await self._worker.turn() == BATCH:
            pass
        async with self._pool.connection(timeout=2) as connection:
            waiting, oldest = await count_due(connection)
        self._metrics.due.set(waiting)
        self._metrics.due_age.set(seconds_since(oldest, now()))
