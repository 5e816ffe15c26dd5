"""`run console`: the HTTP API."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

from bus.port import BusUnavailableError
from daemon.adapters import STORE_ERRORS, StoredPositions
from daemon.clock import now
from daemon.feeder import GROUP, Feeder
from daemon.health import BUS
from daemon.opened import Opened
from daemon.process import Process
from daemon.starting import RETRY, instance_of
from daemon.wiring import database_url, ensure_topics, make_log
from router.positions import Positions
from ticket_store.feed import EventFeed
from ticket_store.numbers import TicketNumbers
from ticket_store.pool import make_pool
from ticket_store.routing import RoutingStore

GRACE: Final = 3
"""Seconds for answers in flight after the first signal."""


async def console(process: Process) -> None:
    """Serve until the process is told to stop."""
    async with AsyncExitStack() as stack:
        store = await open_store(process, stack)
        if store is None:
            return
        await _serve(store, stack)
        feeding = await _feeder(process, store, stack)
        process.ready()
        stopping = asyncio.create_task(process.stop.wait())
        stack.callback(stopping.cancel)
        await asyncio.wait([stopping, feeding], return_when=asyncio.FIRST_COMPLETED)
        if feeding.done():
            feeding.result()


async def _feeder(process: Process, store: Opened, stack: AsyncExitStack) -> asyncio.Task[None]:
    """Start what takes events from the topic, as soon as the bus answers."""
    settings = store.settings
    numbers = TicketNumbers(key=store.instance.ticket_number_key)
    routing = RoutingStore(pool=store.pool, numbers=numbers)
    positions = Positions(store=routing, consumer=GROUP, topic=settings.bus.tickets_topic)
    load = StoredPositions(positions=positions)

    async def feed() -> None:
        while True:
            try:
                await ensure_topics(store.log, settings)
                consumer = await store.log.consumer(positions.topic, group=GROUP, load_positions=load)
            except (BusUnavailableError, *STORE_ERRORS) as error:
                process.board.warn(BUS, f"no answer: {type(error).__name__}")
                await asyncio.sleep(RETRY)
            else:
                break
        process.board.calm(BUS)
        stack.push_async_callback(consumer.close)
        keep = timedelta(hours=settings.api.events_hours)
        feeder = Feeder(consumer=consumer, feed=EventFeed(pool=store.pool), positions=positions, keep=keep, clock=now)
        await feeder.run()

    task = asyncio.create_task(feed(), name="feed")
    stack.callback(task.cancel)
    return task


async def _serve(store: Opened, stack: AsyncExitStack) -> None:
    from console.api.app import make_api  # noqa: PLC0415 - its library is only for this role
    from console.api.gate import Limits  # noqa: PLC0415 - see above
    from daemon.api_rooms import rooms  # noqa: PLC0415 - see above
    from daemon.web import WebServer  # noqa: PLC0415 - see above
    from ticket_store.blobs_local import LocalBlobStore  # noqa: PLC0415 - see above

    settings = store.settings.api
    limits = Limits(requests_per_minute=settings.requests_per_minute)
    blobs = LocalBlobStore(root=store.settings.blob_folder)
    stack.callback(blobs.close)
    api = make_api(rooms(store, blobs), limits=limits, clock=now, timer=time.monotonic)
    server = WebServer(app=api, host=settings.host, port=settings.port, key="api.port", grace=GRACE)
    await stack.enter_async_context(server)


async def open_store(process: Process, stack: AsyncExitStack) -> Opened | None:
    """Open store and bus; None when the process is told to stop before the store answers."""
    settings = process.settings
    url = database_url(settings)
    pool = make_pool(url, name=process.name, max_size=settings.store.connections)
    stack.push_async_callback(pool.close)
    await pool.open()
    log = make_log(settings, url)
    stack.push_async_callback(log.close)
    instance = await instance_of(process, pool)
    return None if instance is None else Opened(settings=settings, url=url, pool=pool, log=log, instance=instance)
