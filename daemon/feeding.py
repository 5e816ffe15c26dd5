"""Runs the feeder of a role: as soon as the bus answers, until the role ends."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

from bus.port import BusUnavailableError
from daemon.adapters import STORE_ERRORS
from daemon.clock import now
from daemon.feed_watch import FeedWatch
from daemon.feeder import Feed, Feeder
from daemon.health import BUS
from daemon.metrics import FeedMetrics
from daemon.opened import Opened
from daemon.process import Process
from daemon.wiring import ensure_topics
from router.positions import Positions
from ticket_store.numbers import TicketNumbers
from ticket_store.routing import RoutingStore

RETRY: Final = 1.0
"""Seconds between two tries to reach the bus at the start."""


async def feeding(process: Process, store: Opened, feed: Feed, *, group: str, hours: float) -> None:
    """Take events from the topic until cancelled; they are read, or tried, for so many hours."""
    while True:
        try:
            await ensure_topics(store.log, store.settings)
        except (BusUnavailableError, *STORE_ERRORS) as error:
            process.board.warn(BUS, f"no answer: {type(error).__name__}")
            await asyncio.sleep(RETRY)
        else:
            break
    process.board.calm(BUS)
    routing = RoutingStore(pool=store.pool, numbers=TicketNumbers(key=store.instance.ticket_number_key))
    feeder = Feeder(
        log=store.log,
        feed=feed,
        positions=Positions(store=routing, consumer=group, topic=store.settings.bus.tickets_topic),
        watch=FeedWatch(board=process.board, metrics=FeedMetrics(registry=process.registry), consumer=group),
        keep=timedelta(hours=hours),
        clock=now,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(feeder.close)
        await feeder.run()
