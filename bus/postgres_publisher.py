"""The publisher of the PostgreSQL log: callers that wait at the same time share one transaction (group commit)."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from bus.port import BusError, BusUnavailableError, NewRecord, Place
from bus.postgres_append import Appender, Publish, prepare
from bus.postgres_session import Session
from bus.postgres_statements import log_statement
from bus.postgres_topics import Topics

HINT_SECONDS = 0.02
"""Readers are woken this often, the first time at once: a hint is a statement that the next batch waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much one transaction takes, and how much may wait before callers wait at the door."""

    batch_records: int = 1000
    batch_bytes: int = 8 * 1024 * 1024
    queue_records: int = 10_000
    queue_bytes: int = 64 * 1024 * 1024


class PostgresPublisher:
    """Takes publishes from any number of callers; one task stores them."""

    def __init__(self, *, topics: Topics, session: Session, bounds: Bounds) -> None:
        self._topics = topics
        self._session = session
        self._appender = Appender(session=session)
        self._bounds = bounds
        self._queue: deque[Publish] = deque()
        self._records = 0
        self._bytes = 0
        self._coming = asyncio.Event()
        self._room = asyncio.Condition()
        self._closing = False
        self._hinted_at = float("-inf")
        self._unhinted: set[str] = set()
        self._hinting: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to store."""
        self._task = asyncio.create_task(self._work(), name="postgres log publisher")

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> Sequence[Place]:
        """Store all records durably; see `bus.port.Publisher`. Waits while too much is queued."""
        if not records:
            return []
        publish = prepare(await self._topics.get(topic), records)
        if not self._has_room(publish):
            async with self._room:
                await self._room.wait_for(lambda: self._closing or self._has_room(publish))
        if self._closing:
            raise BusUnavailableError("the log is closed")
        self._put(publish)
        return await asyncio.shield(publish.done)

    async def close(self) -> None:
        """Store what waits, then stop."""
        self._closing = True
        self._coming.set()
        async with self._room:
            self._room.notify_all()
        if self._task is not None:
            await self._task
        if self._hinting is not None:
            await self._hinting
        await self._session.close()

    def _has_room(self, publish: Publish) -> bool:
        records = self._records + len(publish.records) <= self._bounds.queue_records
        return not self._queue or (records and self._bytes + publish.size <= self._bounds.queue_bytes)

    def _put(self, publish: Publish) -> None:
        self._queue.append(publish)
        self._records += len(publish.records)
        self._bytes += publish.size
        self._coming.set()

    async def _work(self) -> None:
        while batch := await self._next_batch():
            try:
                await self._appender.store(batch)
                self._note(batch)
            except Exception as error:  # noqa: BLE001 - a fault of ours must not leave callers waiting for ever
                for publish in batch:
                    publish.fail(BusUnavailableError(f"the record could not be stored: {type(error).__name__}"))

    async def _next_batch(self) -> list[Publish]:
        """Wait for publishes and take what one transaction may hold; nothing when closed and empty."""
        while not self._queue and not self._closing:
            self._coming.clear()
            await self._coming.wait()
        batch: list[Publish] = []
        records = size = 0
        while self._queue and (not batch or self._fits(records, size)):
            publish = self._queue.popleft()
            batch.append(publish)
            records += len(publish.records)
            size += publish.size
        self._records -= records
        self._bytes -= size
        async with self._room:
            self._room.notify_all()
        return batch

    def _fits(self, records: int, size: int) -> bool:
        following = self._queue[0]
        return (
            records + len(following.records) <= self._bounds.batch_records
            and size + following.size <= self._bounds.batch_bytes
        )

    def _note(self, batch: Sequence[Publish]) -> None:
        """Remember whom to wake, and see to it that somebody does; look up anew what is not there any more."""
        self._unhinted.update(str(publish.topic.id) for publish in batch)
        for publish in batch:
            if publish.done.exception() is not None:
                self._topics.forget(publish.topic.name)
        if self._hinting is None or self._hinting.done():
            self._hinting = asyncio.create_task(self._hint(), name="postgres log hint")

    async def _hint(self) -> None:
        """Wake readers when it is time; a hint that is lost costs them a second, so trouble is nothing here."""
        loop = asyncio.get_running_loop()
        while self._unhinted:  # what is stored while the hint is on its way has the next one
            await asyncio.sleep(self._hinted_at + HINT_SECONDS - loop.time())
            payloads, self._unhinted, self._hinted_at = sorted(self._unhinted), set(), loop.time()
            with suppress(BusError):
                await self._session.rows(log_statement("hint"), {"payloads": payloads})
