"""Publishing to Kafka: idempotent, acknowledged by all in-sync replicas, in batches that concurrent callers share.

aiokafka keeps one open batch a partition and sends it as soon as the one before is acknowledged: under load batches
fill by themselves, and a single record never waits for company.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from bus.kafka_settings import KafkaSettings, client_options
from bus.kafka_spread import Spread
from bus.kafka_topics import BATCH_SLACK
from bus.kafka_trouble import CLOSE_SECONDS, Janitor, answers_within, let_go
from bus.kafka_wire import UnsettledError
from bus.port import BusUnavailableError, NewRecord, Place, RecordRefusedError

RECORD_OVERHEAD = 128
"""Batch header (61 bytes, KIP-98), lengths, attributes and timestamps of one record, rounded up."""

HEADER_OVERHEAD = 10
"""Two varint lengths of at most five bytes."""

FLUSH_SECONDS = 5.0
LOST_SECONDS = 30.0
"""After so long without success the producer is made anew, from the bootstrap servers."""


def record_size(record: NewRecord) -> int:
    """Bytes of one record as a batch of its own, before compression; a little more than the truth."""
    headers = sum(len(name.encode()) + len(value) + HEADER_OVERHEAD for name, value in record.headers)
    return RECORD_OVERHEAD + len(record.key) + len(record.value) + headers


class ByteBudget:
    """Lets callers in while what they hold together stays under a limit; one alone always may."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Wait until there is room for `size` bytes, and give them back afterwards."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._held or self._held + size <= self._limit)
            self._held += size
        try:
            yield
        finally:
            self._held -= size
            async with self._changed:
                self._changed.notify_all()


class KafkaPublisher:
    """One idempotent producer for many concurrent callers, made anew when it is beyond repair."""

    def __init__(self, *, settings: KafkaSettings, janitor: Janitor, spread: Spread) -> None:
        self._settings = settings
        self._janitor = janitor
        self._spread = spread
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._budget = ByteBudget(limit=settings.max_buffered_bytes)
        self._stores: set[asyncio.Task[list[Place]]] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self._failing_since: float | None = None
        self._closed = False

    async def start(self) -> None:
        """Connect, so that the first publish finds everything ready."""
        async with answers_within(self._settings.publish_timeout):
            await self._ready()

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> Sequence[Place]:
        """Store all records and say where they stand; see `bus.port.Publisher`."""
        size = self._checked_size(records)
        if self._closed:
            raise BusUnavailableError("the publisher is closed")
        store = asyncio.create_task(self._store(topic, records, size))
        self._stores.add(store)
        store.add_done_callback(self._finished)
        return await asyncio.shield(store)

    async def refresh(self) -> None:
        """Learn at once of partitions that were added; otherwise that takes `metadata_max_age`."""
        if self._producer is not None:
            async with answers_within(self._settings.request_timeout):
                await self._producer.client.force_metadata_update()

    async def close(self) -> None:
        """Finish what was begun, within five seconds, and disconnect."""
        self._closed = True
        if self._stores:
            await asyncio.wait(self._stores, timeout=FLUSH_SECONDS)
        producer, self._producer = self._producer, None
        if producer is not None:
            await _retire(producer)
        await asyncio.gather(*self._retiring)

    def _finished(self, store: asyncio.Task[list[Place]]) -> None:
        self._stores.discard(store)
        if not store.cancelled():
            store.exception()  # a caller that was cancelled no longer asks for it

    def _checked_size(self, records: Sequence[NewRecord]) -> int:
        limit = self._settings.max_record_bytes
        sizes = [record_size(record) for record in records]
        for index, size in enumerate(sizes):
            if size > limit:
                raise RecordRefusedError(
                    f"record of {size} bytes: the limit is {limit} (max_record_bytes)", index=index
                )
        return sum(sizes)

    async def _store(self, topic: str, records: Sequence[NewRecord], size: int) -> list[Place]:
        async with answers_within(self._settings.publish_timeout), self._budget.hold(size):
            producer = await self._ready()
            try:
                places = await self._send(producer, topic, records)
            except MessageSizeTooLargeError:
                self._give_up(producer)
                places = [await self._store_alone(topic, record, index) for index, record in enumerate(records)]
            except (UnsettledError, KafkaError, OSError, asyncio.CancelledError) as error:
                self._failed(producer, error)
                raise
        self._failing_since = None
        return places

    async def _send(self, producer: AIOKafkaProducer, topic: str, records: Sequence[NewRecord]) -> list[Place]:
        """Hand all records over, then wait for all of them, so that they share batches with whoever else publishes."""
        sent = []
        for record, partition in zip(records, await self._partitions(producer, topic, records), strict=True):
            acknowledged = await producer.send(
                topic, record.value, record.key, partition=partition, headers=list(record.headers)
            )
            acknowledged.add_done_callback(_look_at)
            sent.append(acknowledged)
        return [_place(await acknowledged) for acknowledged in sent]

    async def _partitions(self, producer: AIOKafkaProducer, topic: str, records: Sequence[NewRecord]) -> list[int]:
        """Choose the partition of each record, among those that the client knows."""
        known = await producer.partitions_for(topic)
        try:
            return [self._spread.partition_of(topic, record.key, known) for record in records]
        except UnsettledError:
            producer.client.force_metadata_update()
            raise

    async def _store_alone(self, topic: str, record: NewRecord, index: int) -> Place:
        """Store a record in a batch of its own: the broker refused one that others may have shared."""
        producer = await self._ready()
        alone = producer.create_batch()
        alone.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))
        (partition,) = await self._partitions(producer, topic, [record])
        try:
            return _place(await (await producer.send_batch(alone, topic, partition=partition)))
        except MessageSizeTooLargeError as error:
            self._give_up(producer)
            reason = f"the broker's limit for {topic} (max.message.bytes) is lower than our max_record_bytes"
            raise RecordRefusedError(reason, index=index) from error

    async def _ready(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                if self._closed:
                    raise BusUnavailableError("the publisher is closed")
                producer = AIOKafkaProducer(**self._options())
                await self._janitor.start(producer.start(), producer.stop, patience=self._settings.request_timeout)
                self._producer = producer
            return self._producer

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        return client_options(settings) | {
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": None if settings.compression == "none" else settings.compression,
            "max_batch_size": settings.max_batch_bytes,
            "max_request_size": settings.max_record_bytes + BATCH_SLACK,
        }

    def _failed(self, producer: AIOKafkaProducer, error: BaseException) -> None:
        """Give the producer up when it cannot recover, or has stored nothing for a while."""
        now = asyncio.get_running_loop().time()
        self._failing_since = self._failing_since or now
        if now - self._failing_since > LOST_SECONDS or _beyond_repair(producer, error):
            self._give_up(producer)

    def _give_up(self, producer: AIOKafkaProducer) -> None:
        """Let the next publish make a new one. A refused batch took sequence numbers with it: all later ones fail."""
        if self._producer is not producer:
            return  # somebody else was first
        self._producer = None
        self._failing_since = None
        retiring = asyncio.create_task(_retire(producer))
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)


async def _retire(producer: AIOKafkaProducer) -> None:
    """Stop a producer that may be stuck: an idempotent one retries what it holds for ever, so that must fail first."""
    producer._message_accumulator.fail_all(KafkaError("the producer was given up"))  # noqa: SLF001 - no public way
    sender = producer._sender.sender_task  # noqa: SLF001 - no public way
    if sender is not None:
        sender.cancel()
        await let_go(producer.client.close())  # ends requests in flight, which the sender waits for
        await asyncio.wait([sender], timeout=CLOSE_SECONDS)
    await let_go(producer.stop())
    await let_go(producer.client.close())


def _beyond_repair(producer: AIOKafkaProducer, error: BaseException) -> bool:
    """Whether its sender has ended, or a gap in its sequence numbers will refuse every later batch."""
    sender = producer._sender.sender_task  # noqa: SLF001 - no public way to ask
    return sender is None or sender.done() or (isinstance(error, KafkaError) and not error.retriable)


def _look_at(acknowledged: "asyncio.Future[Any]") -> None:
    if not acknowledged.cancelled():
        acknowledged.exception()  # nobody may be waiting any more; asyncio would complain about it


def _place(metadata: Any) -> Place:  # noqa: ANN401 - aiokafka ships no types
    if metadata.offset < 0:
        # A retried batch that the broker had stored but no longer remembers: stored, at an offset nobody knows.
        raise BusUnavailableError("stored, but the broker no longer knows where; publishing again is safe")
    return Place(partition=metadata.partition, offset=metadata.offset)
