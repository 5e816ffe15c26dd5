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
from daemon.health import BUS, STORE
from daemon.opened import Opened
from daemon.process import Process
from daemon.wiring import database_url, ensure_topics, make_log
from router.positions import Positions
from ticket_store.feed import EventFeed
from ticket_store.instance import Instance, read_or_create
from ticket_store.numbers import TicketNumbers
from ticket_store.pool import Pool, make_pool
from ticket_store.routing import RoutingStore

RETRY: Final = 1.0
"""Seconds between two tries to reach the store at the start."""
GRACE: Final = 3
"""Seconds for answers in flight after the first signal."""


async def console(process: Process) -> None:
    """Serve until the process is told to stop."""
    async with AsyncExitStack() as stack:
        store = await _open(process, stack)
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


async def _open(process: Process, stack: AsyncExitStack) -> Opened | None:
    """Open store and bus; None when the process is told to stop before the store answers."""
    settings = process.settings
    url = database_url(settings)
    pool = make_pool(url, name=process.name, max_size=settings.store.connections)
    stack.push_async_callback(pool.close)
    await pool.open()
    log = make_log(settings, url)
    stack.push_async_callback(log.close)
    instance = await _instance(process, pool)
    return None if instance is None else Opened(settings=settings, url=url, pool=pool, log=log, instance=instance)


async def _instance(process: Process, pool: Pool) -> Instance | None:
    while not process.stop.is_set():
        try:
            async with pool.connection(timeout=5) as connection:
                found = await read_or_create(connection)
        except STORE_ERRORS as error:
            process.board.set(STORE, f"no answer since the start: {type(error).__name__}", name="start")
            await asyncio.sleep(RETRY)
        else:
            process.board.clear(STORE, name="start")
            return found
    return None
