"""A relay with a topic in memory, for tests of what the relay does when things go wrong."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from json import loads
from typing import Any

import psycopg
from store_rows import StoreRows

from router.relay import OutgoingRecord, Relay, SinkUnavailableError
from ticket_store.outbox import PostgresOutbox
from ticket_store.pool import Pool

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Fault = Callable[[Sequence[OutgoingRecord]], int | Exception | None]


class Topic:
    """A topic in memory. `fault` says of a call how many records are stored before it fails, or what to raise."""

    def __init__(self, fault: Fault = lambda _: None) -> None:
        self.records: list[OutgoingRecord] = []
        self.calls = 0
        self.fault = fault

    async def publish(self, records: Sequence[OutgoingRecord]) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        fault = self.fault(records)
        if isinstance(fault, Exception):
            raise fault
        self.records.extend(records[:fault])
        if fault is not None:
            raise SinkUnavailableError("the broker is away")

    def sequences(self) -> dict[int, list[int]]:
        """Give each ticket's sequences as a consumer sees them that drops what it saw before."""
        seen: dict[int, list[int]] = defaultdict(list)
        for event in (loads(record.value) for record in self.records):
            if event["sequence"] not in seen[event["ticket"]]:
                seen[event["ticket"]].append(event["sequence"])
        return seen


def relay(pool: Pool, topic: Topic, **options: Any) -> Relay:
    options.setdefault("outbox", PostgresOutbox(pool=pool))
    return Relay(sink=topic, clock=lambda: NOW, store_errors=(psycopg.OperationalError,), first_pause=0.01, **options)


def fill(rows: StoreRows, *, tickets: int, events: int) -> None:
    for ticket in range(1, tickets + 1):
        rows.ticket(ticket)
    for sequence in range(1, events + 1):
        for ticket in range(1, tickets + 1):
            rows.event(ticket, sequence)


def unpublished(rows: StoreRows) -> int:
    ((count,),) = rows.run("select count(*) from outbox where published_at is null")
    return int(count)


async def drain(worker: Relay) -> None:
    while await worker.round():
        pass
