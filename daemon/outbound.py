"""`run outbound`: sends replies and notes, and writes and sends notices."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final

import structlog

from daemon.adapters import STORE_ERRORS, seconds_since
from daemon.clock import now
from daemon.connecting import close_all, connect_accounts
from daemon.dialogues import StoredDialogues
from daemon.health import RELAY, STORE
from daemon.metrics import NoticeMetrics, OutboundMetrics
from daemon.notice_job import NoticeJob
from daemon.outbound_lanes import lanes, media_job
from daemon.posters import use_posters
from daemon.process import Process
from daemon.starting import instance_of
from daemon.wiring import database_url
from router.deliveries import Marker
from router.incoming import MAIL
from router.sending import Channel, SendingWorker
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.instance import Instance
from ticket_store.media import fetches_waiting
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore
from ticket_store.pool import Pool, make_pool
from ticket_store.sends import PostgresSends, backlog

LOOK_EVERY: Final = 2.0
STOP_GRACE: Final = 7.0
"""Seconds for the sends in flight after the first signal."""
NO_RELAY: Final = "no relay is set (outbound.smtp.host): what we write waits"

_log = structlog.get_logger(__name__)


class _Blobs:
    """The blob store as the sending worker knows it."""

    def __init__(self, *, store: LocalBlobStore) -> None:
        self._store = store

    async def get(self, digest: str) -> bytes:
        return await self._store.get(digest)

    async def keep(self, content: bytes) -> None:
        await self._store.put(content)


class _Health:
    """Whether the relay can be used: a warning, because everything else goes on."""

    def __init__(self, *, process: Process, metrics: OutboundMetrics) -> None:
        self._process = process
        self._metrics = metrics

    def trouble(self, lane: str, message: str) -> None:
        self._process.board.warn(RELAY, f"{lane}: {message}", name=lane)
        self._metrics.down(lane, is_down=True)

    def well(self, lane: str) -> None:
        self._process.board.calm(RELAY, name=lane)
        self._metrics.down(lane, is_down=False)


async def outbound(process: Process) -> None:
    """Send until the process is told to stop."""
    async with AsyncExitStack() as stack:
        settings = process.settings
        pool = make_pool(database_url(settings), name=process.name, max_size=settings.outbound.connections + 6)
        stack.push_async_callback(pool.close)
        await pool.open()
        blobs = LocalBlobStore(root=settings.blob_folder)
        stack.callback(blobs.close)
        instance = await instance_of(process, pool)
        if instance is None:
            return
        connectors = connect_accounts(settings)
        stack.push_async_callback(close_all, connectors)
        StoredDialogues(pool=pool, conninfo=database_url(settings), blobs=blobs, clock=now).serve(connectors)
        use_posters(connectors, settings, instance=instance.instance_id)
        metrics = OutboundMetrics(registry=process.registry)
        ways = lanes(settings, connectors=connectors, pool=pool, blobs=blobs, instance=instance)
        worker = _worker(process, ways, pool=pool, blobs=blobs, instance=instance, metrics=metrics)
        sending = asyncio.create_task(worker.run(), name="sending")
        looking = asyncio.create_task(_look(process, pool, metrics, ways), name="look")
        counted = NoticeMetrics(registry=process.registry)
        notices = NoticeJob(settings=settings, pool=pool, instance=instance, metrics=counted, ways=ways.keys())
        telling = asyncio.create_task(notices.run(), name="notices")
        media = media_job(settings, connectors=connectors, pool=pool, blobs=blobs, instance=instance, metrics=metrics)
        fetching = asyncio.create_task(media.run(), name="media")
        process.ready()
        await _first(process, sending, looking, telling, fetching)
        worker.stop()
        for task in (looking, telling, fetching):
            task.cancel()
        _, late = await asyncio.wait([sending], timeout=STOP_GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(sending, looking, telling, fetching, return_exceptions=True)


def _worker(
    process: Process,
    ways: Mapping[str, Channel],
    *,
    pool: Pool,
    blobs: LocalBlobStore,
    instance: Instance,
    metrics: OutboundMetrics,
) -> SendingWorker:
    settings = process.settings
    health = _Health(process=process, metrics=metrics)
    options = settings.outbound.options(notices=settings.notices.limits().max_age)
    store = OutboundStore(pool=pool, numbers=TicketNumbers(key=instance.ticket_number_key))
    return SendingWorker(
        queue=PostgresSends(pool=pool),
        blobs=_Blobs(store=blobs),
        channels=ways,
        marker=Marker(store=store, source=instance.source, clock=now, metrics=metrics, pace=options.pace),
        health=health,
        clock=now,
        store_errors=STORE_ERRORS,
        options=options,
    )


async def _look(process: Process, pool: Pool, metrics: OutboundMetrics, ways: Mapping[str, Channel]) -> None:
    """Measure what waits, again and again; what has no way out is said."""
    metrics.down(MAIL, is_down=MAIL not in ways)
    while True:
        try:
            async with pool.connection(timeout=2) as connection:
                found = await backlog(connection)
                files = await fetches_waiting(connection)
        except STORE_ERRORS as error:
            process.board.set(STORE, f"the store does not answer: {type(error).__name__}", name="look")
        else:
            process.board.clear(STORE, name="look")
            metrics.queued.set(sum(lane.queued for lane in found))
            metrics.queued_age.set(seconds_since(min((lane.oldest for lane in found), default=None), now()))
            metrics.lane_queued.clear()
            for lane in found:
                metrics.lane_queued.labels(lane=lane.lane).set(lane.queued)
            _measure_files(metrics, files)
            _say_no_way({lane.lane: lane.queued for lane in found if lane.lane not in ways}, process)
        await asyncio.sleep(LOOK_EVERY)


def _measure_files(metrics: OutboundMetrics, files: Sequence[tuple[str, int, datetime]]) -> None:
    metrics.media_waiting.clear()
    metrics.media_age.clear()
    for account, count, oldest in files:
        metrics.media_waiting.labels(account=account).set(count)
        metrics.media_age.labels(account=account).set(seconds_since(oldest, now()))


def _say_no_way(waiting: Mapping[str, int], process: Process) -> None:
    """Warn when something waits for a way out; a desk that only takes in needs none."""
    said = [
        f"{NO_RELAY if lane == MAIL else f'{lane}: nothing can be sent on it'} ({queued:,} now)"
        for lane, queued in sorted(waiting.items())
    ]
    if said:
        process.board.warn(RELAY, "; ".join(said))
    else:
        process.board.calm(RELAY)


async def _first(process: Process, *tasks: asyncio.Task[None]) -> None:
    """Wait for the stop; a task that fails is a bug, and ends the process so that it is started again."""
    stopping = asyncio.create_task(process.stop.wait())
    await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in tasks:
        if task.done():
            task.result()
