"""Gets entries routed whatever happens: retries what is ours, finds the record at fault, stops at the fuse."""

import asyncio
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from router.batch import BatchRouter, FencedError, Routed
from router.parts import Entry, part_of
from router.ports import Health, RoutingStore
from router.positions import Positions
from schemas.placement import Fault

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
EAGER_TRIES: Final = 5
"""How often a deadlock or serialization failure is tried again without a pause."""

MORE_TRIES: Final = (0.05, 0.2, 0.5)
"""Seconds before each further try of a record that stands alone, where our own code failed and PostgreSQL did not."""
PATIENCE: Final = 3.0
"""Seconds of such waiting in one batch; the tries go on without it, so that many bad records cost others little."""

LANES: Final = 2
"""Transactions at a time: one is decided while PostgreSQL works for the other."""
LANES_FROM: Final = 200
"""Records from which a batch is shared out: a small one costs as many statements as a large one."""

STORE: Final = "router store"
FUSE: Final = "router fuse"

_log = structlog.get_logger(__name__)


class FuseBlownError(Exception):
    """Too many dead letters in a row: more likely a fault of this program than of the records."""


class StoppedError(Exception):
    """The router was told to stop while it waited; nothing of the entries in hand was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A committed part."""

    entries: Sequence[Entry]
    routed: Routed


class Isolation:
    """Routes entries in order, whole or in halves. `fuse` is the number of dead letters in a row that stops it."""

    def __init__(
        self,
        *,
        router: BatchRouter,
        store: RoutingStore,
        positions: Positions,
        health: Health,
        stopping: asyncio.Event,
        clock: Callable[[], datetime],
        fuse: int,
    ) -> None:
        self._router = router
        self._store = store
        self._positions = positions
        self._health = health
        self._stopping = stopping
        self._clock = clock
        self._fuse = fuse
        self._dead_in_a_row = 0
        self._patience = PATIENCE

    async def route(self, entries: Sequence[Entry], log_identity: str, done: Callable[[Done], None]) -> None:
        """Route all entries, calling `done` after each commit; what was not done is left as it was.

        Raises `FencedError`, `FuseBlownError` or `StoppedError`.
        """
        self._patience = PATIENCE
        lanes = in_lanes(entries) if not self._dead_in_a_row else ()
        waiting = await self._at_once(lanes, log_identity, done) if lanes else [self._up_to_fuse(entries)]
        while waiting:
            part = waiting.pop()
            fault = await self._try(part, log_identity, done)
            if fault is not None:
                waiting.extend(_smaller(part, *fault))
            elif self._dead_in_a_row >= self._fuse:
                raise FuseBlownError(_blown(self._fuse))

    async def stored(self, partitions: Collection[int]) -> Mapping[int, tuple[int, str]]:
        """Ask the store where partitions stand, until it answers. Raises `StoppedError`."""
        pauses = Pauses()
        while True:
            try:
                return await self._positions.load(partitions)
            except Exception as error:
                fault, sqlstate = self._store.fault_of(error)
                if fault is Fault.UNKNOWN:
                    raise
                await self._wait(next(pauses), fault, error, sqlstate)

    def _up_to_fuse(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Cut behind the dead letter at which the fuse blows."""
        in_a_row = self._dead_in_a_row
        for index, entry in enumerate(entries):
            in_a_row = in_a_row + 1 if entry.is_dead else 0
            if in_a_row >= self._fuse:
                return entries[: index + 1]
        return entries

    async def _at_once(
        self, lanes: Sequence[Sequence[Entry]], log_identity: str, done: Callable[[Done], None]
    ) -> list[Sequence[Entry]]:
        """Try to route each lane once, all at the same time: while PostgreSQL works for one, the next is decided.

        Give the lanes that failed. They go the usual way, one after the other: it finds the record at fault, or waits.
        """
        tries = await asyncio.gather(*(self._once(lane, log_identity, done) for lane in lanes), return_exceptions=True)
        fenced = next((error for error in tries if isinstance(error, FencedError)), None)
        if fenced is not None:
            try:
                raise fenced
            finally:
                del fenced, tries  # an error that its own frame holds would keep the batch until it is collected
        return [lane for lane, error in zip(lanes, tries, strict=True) if error is not None][::-1]

    async def _once(self, entries: Sequence[Entry], log_identity: str, done: Callable[[Done], None]) -> None:
        routed = await self._router.route(part_of(entries, self._positions, log_identity, self._clock()))
        self._committed(entries)
        done(Done(entries=entries, routed=routed))

    async def _try(
        self, entries: Sequence[Entry], log_identity: str, done: Callable[[Done], None]
    ) -> tuple[str, str] | None:
        """Route a part; give reason and SQLSTATE if one of its records is at fault. Retries what is ours, for ever.

        What nobody knows may be ours, too, and pass: such a fault is a record's only when it stays after a few tries.
        """
        pauses, more_tries = Pauses(), self._more_tries() if len(entries) == 1 else iter(())
        while True:
            part = part_of(entries, self._positions, log_identity, self._clock())
            try:
                routed = await self._router.route(part)
            except FencedError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, somebody is at fault, and is found out here
                fault, sqlstate = self._store.fault_of(error)
                if fault in (Fault.RECORD, Fault.UNKNOWN) and any(not entry.is_dead for entry in entries):
                    pause = next(more_tries, None) if fault is Fault.UNKNOWN else None
                    if pause is None:
                        return failure_reason(error, sqlstate), sqlstate
                    _log.warning("record failed, trying again", error=type(error).__name__, **_place(entries[0]))
                    await self._sleep(pause)
                else:
                    await self._wait(next(pauses), fault, error, sqlstate)
            else:
                self._committed(entries)
                done(Done(entries=entries, routed=routed))
                return None

    def _more_tries(self) -> Iterator[float]:
        """Give the pauses of one record, as long as the batch has patience; then none, but as many tries."""
        for pause in MORE_TRIES:
            taken = min(pause * random.uniform(0.5, 1.0), self._patience)  # noqa: S311 - jitter is no secret
            self._patience -= taken
            yield taken

    def _committed(self, entries: Sequence[Entry]) -> None:
        self._health.well(STORE)
        self._positions.moved({entry.record.partition for entry in entries})
        for entry in entries:
            self._dead_in_a_row = self._dead_in_a_row + 1 if entry.is_dead else 0
            if entry.is_dead:
                _log.error("record dead-lettered", **_place(entry), reason=entry.reason)

    async def _wait(self, pause: float, fault: Fault, error: Exception, sqlstate: str) -> None:
        """Say what is wrong, and wait before the next try."""
        if fault is not Fault.AGAIN:
            self._health.trouble(STORE, f"the store cannot be written: {type(error).__name__} {sqlstate}".rstrip())
            _log.warning("store refused a batch, trying again", error=type(error).__name__, sqlstate=sqlstate)
        elif pause <= FIRST_PAUSE:
            pause = 0.0
        await self._sleep(pause)

    async def _sleep(self, pause: float) -> None:
        """Wait; a stop ends it."""
        try:
            await asyncio.wait_for(self._stopping.wait(), timeout=pause)
        except TimeoutError:
            return
        raise StoppedError


class Pauses:
    """Seconds to wait, doubling, with jitter."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def __next__(self) -> float:
        pause = self._next
        self._next = min(pause * 2, LONGEST_PAUSE)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret


def _place(entry: Entry) -> dict[str, int]:
    return {"partition": entry.record.partition, "offset": entry.record.offset}


def _smaller(entries: Sequence[Entry], reason: str, sqlstate: str) -> list[Sequence[Entry]]:
    """Halve a part that was refused, the first half on top; a record that stands alone is dead."""
    if len(entries) == 1:
        return [[entries[0].dead(reason, sqlstate)]]
    middle = len(entries) // 2
    return [entries[middle:], entries[:middle]]


def in_lanes(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """Share a large batch out to transactions that may run at the same time; none when it shall stay one.

    A partition's records stay together, in their order. Where a record is dead already they take their turns.
    """
    parts: dict[int, list[Entry]] = {}
    for entry in entries:
        parts.setdefault(entry.record.partition, []).append(entry)
    if len(entries) < LANES_FROM or len(parts) < LANES or any(entry.is_dead for entry in entries):
        return []
    lanes: list[list[Entry]] = [[] for _ in range(LANES)]
    for _, part in sorted(parts.items(), key=lambda found: (-len(found[1]), found[0])):
        min(lanes, key=len).extend(part)
    return list(lanes)


def failure_reason(error: Exception, sqlstate: str) -> str:
    """Name the failure without its text: messages of PostgreSQL quote values."""
    if sqlstate:
        return f"PostgreSQL refuses it ({type(error).__name__}, SQLSTATE {sqlstate}): retry after a fix, or drop it"
    return f"the router failed on it ({type(error).__name__}): retry after a fix, or drop it"


def _blown(fuse: int) -> str:
    return (
        f"{fuse} dead letters in a row: routing has stopped and left the topic alone; "
        "see `switchboard dead-letters list`, then restart"
    )
