"""The router at work: fetch, decode, route, mirror; until it is told to stop or the fuse blows."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from router import pace
from router.batch import BatchRouter, FencedError
from router.isolation import FUSE, Done, FuseBlownError, Isolation, StoppedError
from router.parts import Decoded, Entry, first_positions, last_positions
from router.policy import Policies
from router.ports import Health, LogConsumer, LogErrors, LogRecord, Metrics, RoutingStore
from router.positions import Positions

BATCH_SIZE: Final = 1000
"""Records that are fetched at a time; so many go in two transactions (`isolation.in_lanes`)."""
FUSE_AFTER: Final = 20
FETCH_SECONDS: Final = 0.5
PIECE: Final = 25
"""Records that are decoded before others may work: two milliseconds or so."""
LOG: Final = "inbound log"
FENCE_PAUSE: Final = 0.1
FENCES: Final = 20
"""Refused offsets in a row after which readiness turns red: a rebalance takes a few, not twenty."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What was fetched: how many records, those that may be routed, and where another program's stand in the way."""

    size: int = 0
    entries: Sequence[Entry] = ()
    stopped: Mapping[int, str] = field(default_factory=dict)


class RouterWorker:
    """Routes what one consumer is given. `run` returns after `stop`, or when the fuse has blown.

    `positions.load` must be what the consumer asks on every assignment.
    """

    def __init__(
        self,
        *,
        consumer: LogConsumer,
        errors: LogErrors,
        store: RoutingStore,
        positions: Positions,
        policies: Policies,
        source: str,
        clock: Callable[[], datetime],
        health: Health,
        metrics: Metrics,
        own_text: Callable[[str], str] = str,
        batch_size: int = BATCH_SIZE,
        fuse: int = FUSE_AFTER,
        gather: float = pace.LONGEST,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._consumer = consumer
        self._errors = errors
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._batch_size = batch_size
        self._timer = timer
        self._pace = pace.Pace(limit=batch_size, longest=gather, timer=timer)
        self._stopping = asyncio.Event()
        self._fences = 0
        self._ahead: asyncio.Task[_Batch] | None = None
        self._isolation = Isolation(
            router=BatchRouter(
                store=store,
                policies=policies,
                source=source,
                clock=clock,
                own_text=own_text,
                phase=metrics.phase,
                timer=timer,
            ),
            store=store,
            positions=positions,
            health=health,
            stopping=self._stopping,
            clock=clock,
            fuse=fuse,
        )

    async def run(self) -> None:
        """Route until stopped. A blown fuse ends it, too: readiness stays red until somebody restarts the router."""
        try:
            await self._run()
        finally:
            await self._drop_ahead()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if pause := self._pace.pause(await self.turn()):
                    await self._pause(pause)
            except StoppedError:
                return
            except FuseBlownError as error:
                self._health.trouble(FUSE, str(error))
                _log.critical("fuse blown", reason=str(error))
                return

    def stop(self) -> None:
        """End `run` after the batch in hand. A batch that waits for the store is given up; nothing of it is written."""
        self._stopping.set()

    async def turn(self, *, max_wait: float = FETCH_SECONDS) -> int:
        """Fetch and route one batch; give the number of records. Raises `FuseBlownError`, `StoppedError`.

        While a full batch is routed, the next one is fetched and decoded.
        """
        batch = await self._next(max_wait)
        self._pace.begin()
        for partition, reason in batch.stopped.items():  # not when it is read ahead: it may be dropped and read again
            await self._halt(partition, reason)
        if batch.size >= self._batch_size:
            self._ahead = asyncio.create_task(self._read(0), name="router reads ahead")
        if batch.entries:
            await self._route(batch.entries)
        return batch.size

    async def _next(self, max_wait: float) -> "_Batch":
        """Give what was read ahead, or read."""
        ahead, self._ahead = self._ahead, None
        batch = await ahead if ahead is not None else _Batch()
        return batch if batch.size else await self._read(max_wait)

    async def _read(self, max_wait: float) -> "_Batch":
        """Fetch and decode a batch."""
        records = await self._fetch(max_wait)
        decoded = Decoded()
        took = 0.0
        for at in range(0, len(records), PIECE):
            started = self._timer()
            decoded.add(records[at : at + PIECE])
            took += self._timer() - started
            await asyncio.sleep(0)  # a transaction may be on its way
        if records:
            self._metrics.phase("decode", took)
        return _Batch(size=len(records), entries=decoded.entries, stopped=decoded.stopped)

    async def _drop_ahead(self) -> Sequence[Entry]:
        """Give up what was read ahead, and say what it was: nobody has routed it."""
        ahead, self._ahead = self._ahead, None
        return (await ahead).entries if ahead is not None else ()

    async def _fetch(self, max_wait: float) -> Sequence[LogRecord]:
        try:
            records = await self._consumer.fetch(max_records=self._batch_size, max_wait=max_wait)
        except self._errors.position_lost as error:
            self._lost(error)
            return ()
        except self._errors.unavailable as error:
            self._health.trouble(LOG, str(error))
            await self._pause(max_wait)
            return ()
        self._health.well(LOG)
        return records

    def _lost(self, error: Exception) -> None:
        """Say that a partition has stopped; the others go on with the next fetch."""
        partition = getattr(error, "partition", "?")
        self._health.trouble(f"partition {partition}", str(error))
        _log.error("position lost", partition=partition, reason=str(error))

    async def _halt(self, partition: int, reason: str) -> None:
        await self._consumer.pause(partition)
        self._health.trouble(f"partition {partition}", reason)
        _log.error("partition paused", partition=partition, reason=reason)

    async def _route(self, entries: Sequence[Entry]) -> None:
        finished: list[Done] = []
        try:
            await self._isolation.route(entries, self._consumer.log_identity, finished.append)
            self._fences = 0
        except FencedError:
            await self._fenced(entries)
        finally:
            await self._report(finished)

    async def _fenced(self, entries: Sequence[Entry]) -> None:
        """Drop the batch, and what was read ahead, and go where the store says."""
        first = first_positions([*entries, *await self._drop_ahead()])
        stored = await self._isolation.stored(first.keys())
        await self._consumer.seek({p: stored[p][0] if p in stored else offset for p, offset in first.items()})
        self._fences += 1
        _log.info("batch dropped, another consumer was faster", partitions=sorted(first))
        if self._fences >= FENCES:
            self._health.trouble(LOG, "stored offsets do not fit the log's: is another router using this store?")
        await self._pause(FENCE_PAUSE)

    async def _report(self, finished: Sequence[Done]) -> None:
        """Count, and tell the log how far the store is; that it cannot hear is no reason to stop."""
        positions: dict[int, int] = {}
        for done in finished:
            positions |= last_positions(done.entries)
            for (outcome, rule), count in done.routed.items():
                self._metrics.routed(outcome, rule, count)
            newest = done.entries[-1].record
            self._metrics.lag(newest.partition, (self._clock() - newest.stored_at).total_seconds())
        if positions:
            try:
                await self._consumer.mirror(positions)
            except self._errors.unavailable as error:
                _log.info("offsets not mirrored", reason=type(error).__name__)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), timeout=seconds)
        except TimeoutError:
            return
