"""`run webhooks`: takes ticket events from the topic and sends them to other systems' servers."""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog

from connectors.posting import Poster
from daemon.adapters import STORE_ERRORS, seconds_since
from daemon.clock import now
from daemon.console import open_store
from daemon.feeder import WEBHOOKS_GROUP
from daemon.feeding import feeding
from daemon.health import STORE, WEBHOOKS
from daemon.metrics import WebhookMetrics
from daemon.opened import Opened
from daemon.posters import make_poster
from daemon.process import Process
from router.webhooks.schedule import Answer
from router.webhooks.worker import WebhookWorker
from schemas.webhook_rows import EndpointState, Waiting
from ticket_store.webhook_queue import WebhookQueue

LOOK_EVERY: Final = 2.0
FORGET_EVERY: Final = 600.0
FORGET_AT_ONCE: Final = 5000
STOP_GRACE: Final = 7.0
"""Seconds for the requests in flight after the first signal."""

_log = structlog.get_logger(__name__)


class TimedPoster:
    """Posts, and says how long it took."""

    def __init__(self, *, poster: Poster) -> None:
        self._poster = poster

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request; see `connectors.posting`."""
        begun = time.monotonic()
        found = await self._poster.post(url, headers, body)
        took = timedelta(seconds=time.monotonic() - begun)
        return Answer(status=found.status, problem=found.problem, body=found.body, after=found.after, took=took)


async def webhooks(process: Process) -> None:
    """Send until the process is told to stop."""
    async with AsyncExitStack() as stack:
        store = await open_store(process, stack)
        if store is None:
            return
        metrics = WebhookMetrics(registry=process.registry)
        worker: WebhookWorker | None = None

        def heard() -> None:
            if worker is not None:
                worker.stir()

        queue = WebhookQueue(pool=store.pool, heard=heard)
        worker = make_worker(store, queue, metrics)
        hours = store.settings.webhooks.keep_hours
        sending = asyncio.create_task(worker.run(), name="sending")
        others = [
            asyncio.create_task(feeding(process, store, queue, group=WEBHOOKS_GROUP, hours=hours), name="feed"),
            asyncio.create_task(_look(process, queue, metrics), name="look"),
            asyncio.create_task(_forget(store, queue), name="forget"),
        ]
        process.ready()
        await _first(process, sending, *others)
        worker.stop()
        for task in others:
            task.cancel()
        _, late = await asyncio.wait([sending], timeout=STOP_GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(sending, *others, return_exceptions=True)


def make_worker(store: Opened, queue: WebhookQueue, metrics: WebhookMetrics) -> WebhookWorker:
    """Put a worker together."""
    settings = store.settings.webhooks
    return WebhookWorker(
        owner=uuid4(),
        queue=queue,
        poster=TimedPoster(poster=make_poster(store.settings)),
        clock=now,
        random=random.random,
        store_errors=STORE_ERRORS,
        metrics=metrics,
        options=settings.options(),
    )


async def _look(process: Process, queue: WebhookQueue, metrics: WebhookMetrics) -> None:
    """Measure what waits, again and again, and say which endpoints get nothing any more."""
    while True:
        try:
            for endpoint, reason in await queue.disable_orphans(now=now()):
                _log.error("webhook_disabled", endpoint=endpoint, reason=reason)
            found = await queue.waiting()
        except STORE_ERRORS as error:
            process.board.set(STORE, f"the store does not answer: {type(error).__name__}", name="look")
        else:
            process.board.clear(STORE, name="look")
            metrics.pending.clear()
            metrics.age.clear()
            for one in found:
                metrics.pending.labels(endpoint=str(one.endpoint_id)).set(one.pending)
                metrics.age.labels(endpoint=str(one.endpoint_id)).set(seconds_since(one.oldest_at, now()))
            for state in EndpointState:
                metrics.endpoints.labels(state=state).set(sum(one.state == state for one in found))
            _warn(process, [one for one in found if one.state == EndpointState.DISABLED])
        await asyncio.sleep(LOOK_EVERY)


def _warn(process: Process, disabled: list[Waiting]) -> None:
    if disabled:
        process.board.warn(
            WEBHOOKS, "; ".join(f"endpoint {one.endpoint_id} is disabled: {one.reason}" for one in disabled)
        )
    else:
        process.board.calm(WEBHOOKS)


async def _forget(store: Opened, queue: WebhookQueue) -> None:
    """Forget what was over long ago, again and again."""
    keep = timedelta(days=store.settings.webhooks.log_days)
    while True:
        try:
            await queue.forget(before=now() - keep, now=now(), limit=FORGET_AT_ONCE)
        except STORE_ERRORS as error:
            _log.warning("forgetting_waits", problem=type(error).__name__)
        await asyncio.sleep(FORGET_EVERY)


async def _first(process: Process, *tasks: asyncio.Task[None]) -> None:
    """Wait for the stop; a task that fails is a bug, and ends the process so that it is started again."""
    stopping = asyncio.create_task(process.stop.wait())
    await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in tasks:
        if task.done():
            task.result()
