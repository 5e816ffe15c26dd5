"""What `route` does beside routing: measures what waits, trims the log, collects blobs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, Protocol, runtime_checkable

import structlog

from bus.port import BusError, Log, PartitionState
from daemon.adapters import STORE_ERRORS, seconds_since, stored_offsets
from daemon.clock import now
from daemon.health import BUS, OUTBOX, STORE
from daemon.metrics import RouteMetrics
from daemon.partition_watch import PartitionWatch
from daemon.process import Process
from daemon.spool_jobs import SpoolRetention, SpoolWatch
from daemon.wiring import LatePublisher
from router.relay import Relay
from router.second_look import SecondLook
from router.turning import Turning
from ticket_store.backlog import read_backlog
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.collect import collect, cutoff
from ticket_store.housekeeping import forget_addresses, forget_paces
from ticket_store.pool import Pool

LOOK_EVERY: Final = timedelta(seconds=2)
TRIM_EVERY: Final = timedelta(minutes=10)
COLLECT_EVERY: Final = timedelta(hours=6)
NOW: Final = timedelta(0)
PACES_KEPT: Final = timedelta(hours=1)
"""After a conversation is free again: clocks of processes differ a little."""
CALM: Final = timedelta(minutes=1)
"""After the start, so that what waits is routed first."""

_log = structlog.get_logger(__name__)


@runtime_checkable
class Trims(Protocol):
    """A log whose retention is ours to apply: the PostgreSQL engine. Kafka does it by itself."""

    async def trim(self, topic: str, *, keep_hours: float, floor: dict[int, int]) -> int:
        """Delete what is old and below the floor."""
        ...


class Jobs:
    """Recurring work of a router process. A job that fails is logged and tried at its next turn."""

    def __init__(
        self,
        *,
        process: Process,
        pool: Pool,
        log: Log,
        publisher: LatePublisher,
        relay: Relay,
        metrics: RouteMetrics,
        second_look: SecondLook,
        turning: Turning,
        retention: SpoolRetention,
    ) -> None:
        self._process = process
        self._settings = process.settings
        self._pool = pool
        self._log = log
        self._publisher = publisher
        self._relay = relay
        self._metrics = metrics
        self._second_look = second_look
        self._turning = turning
        self._retention = retention
        self._published = 0
        self._spool_watch = SpoolWatch(metrics=metrics)
        self._partition_watch = PartitionWatch(log=log, settings=process.settings.bus, board=process.board)

    async def run(self, *, shared: bool) -> None:
        """Run until cancelled. `shared`: also the jobs that one process does for all."""
        jobs = [self._every(LOOK_EVERY, self.look)]
        if shared:
            jobs.append(self._every(LOOK_EVERY, self.look_again))
            jobs.append(self._every(LOOK_EVERY, self.turn))
            jobs.append(self._every(TRIM_EVERY, self._retention.apply, CALM))
            jobs.append(self._every(TRIM_EVERY, self.forget, CALM))
            jobs.append(self._every(TRIM_EVERY, self._partition_watch.look))
            jobs += [self._every(TRIM_EVERY, self.trim, CALM), self._every(COLLECT_EVERY, self.collect, CALM)]
        await asyncio.gather(*jobs)

    async def _every(self, pause: timedelta, job: Callable[[], Awaitable[None]], first: timedelta = NOW) -> None:
        await asyncio.sleep(first.total_seconds())
        while True:
            try:
                await job()
            except (BusError, *STORE_ERRORS) as error:
                _log.warning("job failed", job=job.__name__, error=type(error).__name__)
            await asyncio.sleep(pause.total_seconds())

    async def look(self) -> None:
        """Measure what waits; say on the board what does not answer."""
        await self._look_at_bus()
        await self._look_at_store()
        self._metrics.published.inc(self._relay.published - self._published)
        self._published = self._relay.published
        self._metrics.blocked.set(len(self._relay.blocked))
        if self._relay.failing:
            self._process.board.set(OUTBOX, "ticket events are not published")
        else:
            self._process.board.clear(OUTBOX)

    async def _look_at_bus(self) -> None:
        try:
            if not self._publisher.is_open:
                await self._publisher.open()
            await self._log.ping()
        except BusError as error:
            self._process.board.set(BUS, f"the bus does not answer: {type(error).__name__}", name="ping")
        else:
            self._process.board.clear(BUS, name="ping")

    async def _look_at_store(self) -> None:
        try:
            async with self._pool.connection(timeout=2) as connection:
                overdue_before = now() - timedelta(hours=self._settings.spool.alert_hours)
                backlog = await read_backlog(connection, overdue_before=overdue_before)
            lag = await self.lag()
        except STORE_ERRORS as error:
            self._process.board.set(STORE, f"the store does not answer: {type(error).__name__}", name="look")
            return
        self._process.board.clear(STORE, name="look")
        moment = now()
        self._spool_watch.see(backlog)
        self._metrics.spool_age.set(seconds_since(backlog.oldest_held_at, moment))
        self._metrics.dead_letters.set(backlog.dead_letters)
        self._metrics.outbox.set(backlog.unpublished)
        self._metrics.outbox_age.set(seconds_since(backlog.oldest_unpublished_at, moment))
        for partition, records in lag.items():
            self._metrics.behind.labels(partition=str(partition)).set(records)

    async def lag(self) -> dict[int, int]:
        """Give the number of unrouted records of each partition."""
        states = await self._log.partitions(self._settings.bus.inbound_topic)
        stored = await self._stored(states)
        return {
            state.partition: max(0, state.next_offset - stored.get(state.partition, state.first_offset))
            for state in states
        }

    async def _stored(self, states: Sequence[PartitionState]) -> dict[int, int]:
        topic = self._settings.bus.inbound_topic
        return await stored_offsets(self._pool, topic, [state.partition for state in states])

    async def look_again(self) -> None:
        """Decide anew about held messages that later evidence may place, until none is due."""
        while await self._second_look.round():
            pass

    async def turn(self) -> None:
        """Turn live chats in which nobody answered in time."""
        await self._turning.round()

    async def trim(self) -> None:
        """Apply the log's retention, where it is ours: never past the slowest stored offset."""
        if not isinstance(self._log, Trims):
            return
        bus = self._settings.bus
        floor = await self._stored(await self._log.partitions(bus.inbound_topic))
        gone = await self._log.trim(bus.inbound_topic, keep_hours=bus.inbound_hours, floor=floor)
        ends = {state.partition: state.next_offset for state in await self._log.partitions(bus.tickets_topic)}
        gone += await self._log.trim(bus.tickets_topic, keep_hours=bus.tickets_hours, floor=ends)
        self._metrics.trimmed.inc(gone)

    async def forget(self) -> None:
        """Forget what nobody needs any more."""
        moment = now()
        await forget_paces(self._pool, before=moment - PACES_KEPT)
        await forget_addresses(self._pool, before=moment - timedelta(days=self._settings.retention.notice_days))

    async def collect(self) -> None:
        """Remove blobs that nothing names; an unrouted record holds back whatever was put before it."""
        states = await self._log.partitions(self._settings.bus.inbound_topic)
        stored = await self._stored(states)
        waiting = [
            state.oldest_at
            for state in states
            if state.oldest_at is not None and stored.get(state.partition, 0) < state.next_offset
        ]
        retention = timedelta(hours=self._settings.bus.inbound_hours)
        before = cutoff(now=now(), retention=retention, oldest_unrouted=min(waiting, default=None))
        blobs = LocalBlobStore(root=self._settings.blob_folder, threads=1)
        try:
            collected = await collect(blobs, self._pool, before=before)
        finally:
            blobs.close()
        self._metrics.collected.inc(collected.removed)
