"""Takes ticket events from the topic to those who want them, the API or webhooks, and forgets old ones.

A feeder that was off for longer than the topic keeps events finds that its next one is gone. Nobody can bring it back,
and events that happen from then on are wanted, so it goes on with the oldest that is kept. How many are missing is
said in the log, on the board and by a metric, and readers of the API get a gap. An offset of another log, or one that
the log has not reached, is another matter: nobody knows what it means, so the partition stops and readiness turns red.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bus.port import BusUnavailableError, Consumer, Log, PositionLostError, Record
from daemon.adapters import STORE_ERRORS, StoredPositions
from daemon.feed_watch import FeedWatch
from router.positions import Positions
from schemas.events import TicketEvent
from schemas.routing_rows import LogPosition, MovedOffset
from ticket_store.feed import FedEvent

GROUP: Final = "switchboard.console"
"""Consumer group of the consoles, and the name under which their offsets stand in the store."""
WEBHOOKS_GROUP: Final = "switchboard.webhooks"
"""The same, of the webhooks."""
AT_ONCE: Final = 500
PAUSE: Final = 1.0
PURGE_EVERY: Final = timedelta(minutes=10)

_log = structlog.get_logger(__name__)


class Feed(Protocol):
    """Where events go, in one transaction with the offsets."""

    async def take(
        self, log: LogPosition, moves: Sequence[MovedOffset], events: Sequence[FedEvent], *, now: datetime
    ) -> bool:
        """Store events and move the offsets; False, and nothing is stored, when somebody else was faster."""
        ...

    async def skip(self, log: LogPosition, moves: Sequence[MovedOffset], *, now: datetime) -> bool:
        """Move offsets past events that are gone, and tell readers if there is a way to; False as in `take`."""
        ...

    async def purge(self, *, before: datetime) -> None:
        """Forget events that were stored before then and have not been read."""
        ...


class Feeder:
    """One feeder, the member of the group that `positions` names; events are read for `keep`."""

    def __init__(
        self,
        *,
        log: Log,
        feed: Feed,
        positions: Positions,
        watch: FeedWatch,
        keep: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._log = log
        self._feed = feed
        self._positions = positions
        self._watch = watch
        self._keep = keep
        self._clock = clock
        self._purged_at: datetime | None = None
        self._consumer: Consumer | None = None
        self._skipped = False

    async def run(self) -> None:
        """Feed until cancelled; what is in hand then is fed again, and dropped by its id."""
        while True:
            try:
                await self.turn()
                await self._purge()
            except (BusUnavailableError, *STORE_ERRORS) as error:
                _log.warning("feeder waits", problem=type(error).__name__)
                await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        """Leave the group. Calling it again does nothing."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.close()

    async def turn(self, *, max_wait: float = 0.5) -> int:
        """Feed one batch and give its number of records. Raises `BusUnavailableError` and errors of the store."""
        consumer = await self._opened()
        try:
            records = await consumer.fetch(max_records=AT_ONCE, max_wait=max_wait)
        except PositionLostError as error:
            await self._lost(consumer, error)
            return 0
        if records:
            await self._take(consumer, records)
        if self._skipped:  # a partition that has stopped begins anew only with a new member
            self._skipped = False
            await self.close()
        return len(records)

    async def _opened(self) -> Consumer:
        if self._consumer is None:
            load = StoredPositions(positions=self._positions)
            topic, group = self._positions.topic, self._positions.consumer
            self._consumer = await self._log.consumer(topic, group=group, load_positions=load)
        return self._consumer

    async def _take(self, consumer: Consumer, records: Sequence[Record]) -> None:
        first = {record.partition: record.offset for record in reversed(records)}
        last = {record.partition: record.offset for record in records}
        moves = [MovedOffset(p, self._positions.expected(p, first[p]), last[p] + 1) for p in first]
        if await self._feed.take(self._place(consumer), moves, _events(records), now=self._clock()):
            self._positions.moved(first)
            self._watch.goes(first)
            await consumer.mirror({p: offset + 1 for p, offset in last.items()})
        else:
            stored = await self._positions.load(first)
            await consumer.seek({p: stored[p][0] if p in stored else offset for p, offset in first.items()})

    async def _lost(self, consumer: Consumer, error: PositionLostError) -> None:
        """Say that a partition has stopped, and go on behind what is gone if that is all that is wrong."""
        partition = error.partition
        self._watch.stands(partition, str(error))
        stored = (await self._positions.load([partition])).get(partition)
        first = {state.partition: state.first_offset for state in await self._log.partitions(self._positions.topic)}
        oldest = first.get(partition, 0)
        if stored is None or stored[1] != consumer.log_identity or stored[0] >= oldest:
            return
        move = MovedOffset(partition, stored[0], oldest)
        if await self._feed.skip(self._place(consumer), [move], now=self._clock()):
            self._watch.skipped(partition, gone=oldest - stored[0], next_offset=oldest)
        self._skipped = True

    def _place(self, consumer: Consumer) -> LogPosition:
        return LogPosition(self._positions.consumer, self._positions.topic, consumer.log_identity)

    async def _purge(self) -> None:
        now = self._clock()
        if self._purged_at is None or now - self._purged_at > PURGE_EVERY:
            await self._feed.purge(before=now - self._keep)
            self._purged_at = now


def _events(records: Sequence[Record]) -> list[FedEvent]:
    """Give events of records; what is no event of ours is passed over, with a line in the log."""
    found = []
    for record in records:
        try:
            event = TicketEvent.model_validate_json(record.value)
        except ValueError:
            _log.error("no ticket event", partition=record.partition, offset=record.offset)
            continue
        found.append(
            FedEvent(
                event_id=event.id,
                ticket=event.subject,
                account=event.data.ticket.account,
                type=event.type,
                sequence=event.data.sequence,
                happened_at=event.time,
                names=_names(event),
                event=record.value.decode(),
            )
        )
    return found


def _names(event: TicketEvent) -> tuple[str, ...]:
    """Give the other tickets that an event names."""
    ticket = event.data.ticket
    named = {event.data.other, ticket.continues, ticket.merged_into} - {None, event.subject}
    return tuple(sorted(filter(None, named)))
