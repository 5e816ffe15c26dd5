"""`run console`: the HTTP API."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Final

from daemon.clock import now
from daemon.feeder import GROUP
from daemon.feeding import feeding
from daemon.opened import Opened
from daemon.process import Process
from daemon.starting import instance_of
from daemon.wiring import database_url, make_log
from ticket_store.feed import EventFeed
from ticket_store.pool import make_pool

GRACE: Final = 3
"""Seconds for answers in flight after the first signal."""


async def console(process: Process) -> None:
    """Serve until the process is told to stop."""
    async with AsyncExitStack() as stack:
        store = await open_store(process, stack)
        if store is None:
            return
        await _serve(store, stack)
        feed, hours = EventFeed(pool=store.pool), store.settings.api.events_hours
        fed = asyncio.create_task(feeding(process, store, feed, group=GROUP, hours=hours), name="feed")
        stack.push_async_callback(ended, fed)
        process.ready()
        stopping = asyncio.create_task(process.stop.wait())
        stack.callback(stopping.cancel)
        await asyncio.wait([stopping, fed], return_when=asyncio.FIRST_COMPLETED)
        if fed.done():
            fed.result()


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has let go of what it holds."""
    task.cancel()
    await asyncio.wait([task])


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
