"""`run console`: the HTTP API."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Final

from daemon.adapters import STORE_ERRORS
from daemon.clock import now
from daemon.health import STORE
from daemon.opened import Opened
from daemon.process import Process
from daemon.wiring import database_url, make_log
from ticket_store.instance import Instance, read_or_create
from ticket_store.pool import Pool, make_pool

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
        process.ready()
        await process.stop.wait()


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
