"""`run route`: turns records into tickets, and relays the tickets' events to their topic."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Final

import structlog

from bus.port import BusUnavailableError, Consumer, Log, PositionLostError, Publisher
from connectors.mail.quotes import reply_text
from daemon.adapters import STORE_ERRORS, BoardHealth, StoredPositions, TopicSink
from daemon.clock import now
from daemon.collector import quiet_collector
from daemon.health import BUS
from daemon.jobs import Jobs
from daemon.metrics import RouteMetrics
from daemon.process import Process
from daemon.spool_jobs import SpoolRetention
from daemon.starting import instance_of, patiently
from daemon.wiring import GROUP, LatePublisher, database_url, ensure_topics, make_log, policies
from router.desk import Desk
from router.ports import LogErrors
from router.positions import Positions
from router.relay import Relay
from router.second_look import SecondLook
from router.turning import Turning
from router.worker import RouterWorker
from ticket_store.instance import Instance
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore
from ticket_store.outbox import PostgresOutbox
from ticket_store.pool import make_pool
from ticket_store.routing import RoutingStore

RETRY: Final = 1.0
"""Seconds between two tries to reach bus or store at the start."""
STOP_GRACE: Final = 7.0
"""Seconds for the batch in hand after the first signal."""

_log = structlog.get_logger(__name__)


async def route(process: Process, *, jobs: bool = True) -> None:
    """Route until the process is told to stop. `jobs`: also do what one process does for all."""
    async with AsyncExitStack() as stack:
        settings = process.settings
        url = database_url(settings)
        pool = make_pool(url, name=process.name, max_size=settings.store.connections)
        stack.push_async_callback(pool.close)
        await pool.open()
        log = make_log(settings, url)
        stack.push_async_callback(log.close)
        instance = await instance_of(process, pool)
        if instance is None:
            return
        store = RoutingStore(pool=pool, numbers=TicketNumbers(key=instance.ticket_number_key))
        positions = Positions(store=store, consumer=GROUP, topic=settings.bus.inbound_topic)
        consumer = await patiently(process, BUS, lambda: _join(process, log, positions))
        if consumer is None:
            return
        metrics = RouteMetrics(registry=process.registry)
        worker = _worker(
            process, consumer=consumer, store=store, positions=positions, instance=instance, metrics=metrics
        )
        publisher = LatePublisher(open_=log.publisher)
        outbox = PostgresOutbox(pool=pool, listen=url)
        stack.push_async_callback(outbox.close)
        relay = _relay(process, outbox, publisher)
        chores = Jobs(
            process=process,
            pool=pool,
            log=log,
            publisher=publisher,
            relay=relay,
            metrics=metrics,
            retention=SpoolRetention(
                pool=pool,
                desk=Desk(store=store, policies=policies(settings), source=instance.source, clock=now),
                keep=timedelta(days=settings.spool.keep_machine_days),
                metrics=metrics,
                clock=now,
            ),
            turning=Turning(
                store=OutboundStore(pool=pool, numbers=TicketNumbers(key=instance.ticket_number_key)),
                policies=policies(settings),
                source=instance.source,
                clock=now,
            ),
            second_look=SecondLook(
                store=store, policies=policies(settings), source=instance.source, clock=now, own_text=reply_text
            ),
        )
        await _work(process, worker, relay, chores.run(shared=jobs))


async def _join(process: Process, log: Log, positions: Positions) -> Consumer:
    await ensure_topics(log, process.settings)
    topic = process.settings.bus.inbound_topic
    return await log.consumer(topic, group=GROUP, load_positions=StoredPositions(positions=positions))


def _worker(
    process: Process,
    *,
    consumer: Consumer,
    store: RoutingStore,
    positions: Positions,
    instance: Instance,
    metrics: RouteMetrics,
) -> RouterWorker:
    return RouterWorker(
        consumer=consumer,
        errors=LogErrors(unavailable=BusUnavailableError, position_lost=PositionLostError),
        store=store,
        positions=positions,
        policies=policies(process.settings),
        source=instance.source,
        own_text=reply_text,
        clock=now,
        health=BoardHealth(board=process.board),
        metrics=metrics,
        batch_size=process.settings.router.batch,
        fuse=process.settings.router.fuse,
    )


def _relay(process: Process, outbox: PostgresOutbox, publisher: Publisher) -> Relay:
    return Relay(
        outbox=outbox,
        sink=TopicSink(publisher=publisher, topic=process.settings.bus.tickets_topic),
        clock=now,
        store_errors=STORE_ERRORS,
        retention=timedelta(hours=process.settings.retention.outbox_hours),
    )


async def _work(process: Process, worker: RouterWorker, relay: Relay, chores: Awaitable[None]) -> None:
    """Run router, relay and jobs until the stop; a task that fails is a bug and ends the process, to be started again.

    A router whose fuse has blown has ended: the others go on, and readiness stays red.
    """
    routing = asyncio.create_task(worker.run(), name="router")
    relaying = asyncio.create_task(relay.run(), name="relay")
    working = asyncio.ensure_future(chores)
    process.ready()
    quiet_collector()
    try:
        await _until_stopped(process, [routing, relaying, working])
    finally:  # also behind a task that failed: what still runs would keep the process from ending
        process.stop.set()
        worker.stop()
        relay.stop()
        working.cancel()
        _, late = await asyncio.wait([routing, relaying, working], timeout=STOP_GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(routing, relaying, working, return_exceptions=True)


async def _until_stopped(process: Process, tasks: Sequence[asyncio.Future[None]]) -> None:
    stopping = asyncio.ensure_future(process.stop.wait())
    try:
        pending: set[asyncio.Future[Any]] = {stopping, *tasks}
        while stopping in pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        stopping.cancel()
