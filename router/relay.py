"""Takes ticket events from the outbox to the topic: each at least once, a ticket's events in their order.

The outbox gives what is not published yet, never "what came after the last": transactions commit late. A relay claims
shards of tickets, publishes their oldest events and marks them; relays of several processes split the shards, and those
of a dead one are free as soon as its connection is gone.

A ticket's second event is published only after its first is known to be stored: a round publishes in waves, each with
at most one event a ticket, and ends at the first wave that fails. Whatever was stored but not marked (a crash, a lost
answer) is published again with the same id, so a consumer drops by id and orders by sequence.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from router.pace import Pace
from schemas.events import CONTENT_TYPE

BATCH: Final = 500
POLL_SECONDS: Final = 1.0
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
RETENTION: Final = timedelta(days=7)
PURGE_EVERY: Final = timedelta(minutes=10)
PURGE_CHUNK: Final = 5_000

_log = structlog.get_logger(__name__)


class SinkUnavailableError(Exception):
    """Some of the events may not be stored; publishing them again later is safe."""


class EventRefusedError(Exception):
    """The topic will never store one of the events. `index` is its place in the call; others may not be stored."""

    def __init__(self, message: str, *, index: int) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingRecord:
    """A record for the topic. The key keeps a ticket's events in one partition."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = (("content-type", CONTENT_TYPE),)


class EventSink(Protocol):
    """The topic. Raises `SinkUnavailableError` or `EventRefusedError` when not all records are stored."""

    async def publish(self, records: Sequence[OutgoingRecord]) -> None:
        """Store all records durably."""
        ...


class PendingEvent(Protocol):
    """One unpublished row of the outbox."""

    @property
    def id(self) -> UUID:
        """Give the event's id, the same over all retries."""
        ...

    @property
    def ticket_id(self) -> int:
        """Give the ticket, whose events keep their order."""
        ...

    @property
    def number(self) -> str:
        """Give the ticket's public number, which keys the record."""
        ...

    @property
    def event(self) -> str:
        """Give the text that goes out as it is."""
        ...


class Claim(Protocol):
    """Events that nobody else publishes while the claim is held, a ticket's in the order of their sequence."""

    @property
    def events(self) -> Sequence[PendingEvent]:
        """Give them in the order in which they are to be published."""
        ...

    async def mark(self, ids: Sequence[UUID]) -> None:
        """Note that these are stored on the topic; it counts when the claim ends without an error."""
        ...


class Outbox(Protocol):
    """What the relay needs of the store."""

    def claim(self, *, limit: int, excluding: Sequence[int]) -> AbstractAsyncContextManager[Claim]:
        """Claim shards that nobody holds and read up to `limit` events, without the tickets `excluding`."""
        ...

    async def wait(self, seconds: float) -> None:
        """Return when new events are said to be there, or after so many seconds."""
        ...

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Remove up to `limit` rows published before then, and say how many there were."""
        ...


class Relay:
    """One relay. `store_errors` are the exceptions of the outbox that a later try may mend."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        sink: EventSink,
        clock: Callable[[], datetime],
        store_errors: tuple[type[Exception], ...],
        batch: int = BATCH,
        poll_seconds: float = POLL_SECONDS,
        first_pause: float = FIRST_PAUSE,
        retention: timedelta = RETENTION,
    ) -> None:
        self._outbox = outbox
        self._sink = sink
        self._clock = clock
        self._transient: tuple[type[Exception], ...] = (SinkUnavailableError, *store_errors)
        self._batch = batch
        self._pace = Pace(limit=batch)
        self._poll_seconds = poll_seconds
        self._first_pause = first_pause
        self._retention = retention
        self._purged_at: datetime | None = None
        self._stopping = asyncio.Event()
        self._blocked: set[int] = set()
        self.published = 0
        """Events published since the start, for metrics."""
        self.failing = False
        """Whether the last round failed, for readiness."""

    @property
    def blocked(self) -> frozenset[int]:
        """Ids of tickets with an event that the topic refuses; tried again after a restart."""
        return frozenset(self._blocked)

    def stop(self) -> None:
        """End `run` after the round in hand, within a poll."""
        self._stopping.set()

    async def run(self) -> None:
        """Relay until stopped. Cancelling is safe too: what was in hand is published again, with the same ids."""
        pause = self._first_pause
        while not self._stopping.is_set():
            self._pace.begin()
            try:
                moved = await self._step()
            except self._transient as error:
                self._note_failure(error, pause)
                await self._sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause, self.failing = self._first_pause, False
            if not moved:
                await self._outbox.wait(self._poll_seconds)
            elif pace := self._pace.pause(moved):
                await self._sleep(pace)

    async def round(self) -> int:
        """Publish one batch and say how many events are stored and marked.

        Raises `SinkUnavailableError` after what was stored before it has been marked.
        """
        failure: SinkUnavailableError | None = None
        count = 0
        async with self._outbox.claim(limit=self._batch, excluding=sorted(self._blocked)) as claim:
            try:
                for wave in waves(claim.events):
                    stored = await self._publish(wave)
                    await claim.mark([event.id for event in stored])
                    count += len(stored)
            except SinkUnavailableError as error:
                failure = error
        self.published += count
        if failure is not None:
            raise failure
        return count

    async def _step(self) -> int:
        """Do one round and, now and then, a purge; say how many events moved out of the way: 0 = nothing to do."""
        blocked = len(self._blocked)
        count = await self.round()
        await self._purge()
        return count + len(self._blocked) - blocked

    async def _publish(self, wave: Sequence[PendingEvent]) -> Sequence[PendingEvent]:
        """Give the events of the wave that are stored; tickets with a refused event stand aside."""
        rest = [event for event in wave if event.ticket_id not in self._blocked]
        while rest:
            try:
                await self._sink.publish([_record(event) for event in rest])
            except EventRefusedError as error:
                self._block(rest.pop(error.index), error)
            else:
                break
        return rest

    def _block(self, event: PendingEvent, error: EventRefusedError) -> None:
        self._blocked.add(event.ticket_id)
        _log.error("event_refused", event_id=str(event.id), ticket=event.number, problem=str(error))

    def _note_failure(self, error: Exception, pause: float) -> None:
        self.failing = True
        _log.warning("relay_waits", problem=type(error).__name__, seconds=pause)

    async def _purge(self) -> None:
        now = self._clock()
        if self._purged_at is not None and now - self._purged_at < PURGE_EVERY:
            return
        removed = await self._outbox.purge(before=now - self._retention, limit=PURGE_CHUNK)
        if removed < PURGE_CHUNK:
            self._purged_at = now

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def waves(events: Iterable[PendingEvent]) -> list[list[PendingEvent]]:
    """Split events so that each wave holds at most one of a ticket, earlier ones in earlier waves."""
    turns: Counter[int] = Counter()
    split: list[list[PendingEvent]] = []
    for event in events:
        turn = turns[event.ticket_id]
        turns[event.ticket_id] += 1
        if turn == len(split):
            split.append([])
        split[turn].append(event)
    return split


def _record(event: PendingEvent) -> OutgoingRecord:
    return OutgoingRecord(key=event.number.encode(), value=event.event.encode())
