"""Takes ticket events from the topic to those who want them, the API or webhooks, and forgets old ones."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bus.port import BusUnavailableError, Consumer, PositionLostError, Record
from daemon.adapters import STORE_ERRORS
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

    async def purge(self, *, before: datetime) -> None:
        """Forget events that were stored before then and have not been read."""
        ...


class Feeder:
    """One feeder. `positions` must be what the consumer asks on every assignment; events are read for `keep`."""

    def __init__(
        self,
        *,
        consumer: Consumer,
        feed: Feed,
        positions: Positions,
        keep: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._consumer = consumer
        self._feed = feed
        self._positions = positions
        self._keep = keep
        self._clock = clock
        self._purged_at: datetime | None = None

    async def run(self) -> None:
        """Feed until cancelled; what is in hand then is fed again, and dropped by its id."""
        while True:
            try:
                await self.turn()
                await self._purge()
            except PositionLostError as error:
                _log.error("position lost", partition=error.partition, reason=str(error))
                await asyncio.sleep(PAUSE)
            except (BusUnavailableError, *STORE_ERRORS) as error:
                _log.warning("feeder waits", problem=type(error).__name__)
                await asyncio.sleep(PAUSE)

    async def turn(self, *, max_wait: float = 0.5) -> int:
        """Feed one batch and give its number of records."""
        records = await self._consumer.fetch(max_records=AT_ONCE, max_wait=max_wait)
        if not records:
            return 0
        first = {record.partition: record.offset for record in reversed(records)}
        last = {record.partition: record.offset for record in records}
        moves = [MovedOffset(p, self._positions.expected(p, first[p]), last[p] + 1) for p in first]
        log = LogPosition(self._positions.consumer, self._positions.topic, self._consumer.log_identity)
        if await self._feed.take(log, moves, _events(records), now=self._clock()):
            self._positions.moved(first)
            await self._consumer.mirror({p: offset + 1 for p, offset in last.items()})
        else:
            stored = await self._positions.load(first)
            await self._consumer.seek({p: stored[p][0] if p in stored else offset for p, offset in first.items()})
        return len(records)

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
