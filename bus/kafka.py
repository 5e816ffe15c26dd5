"""The topic log on Apache Kafka, for more than one machine. Satisfies `bus.port.Log`."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from bus.kafka_consumer import KafkaConsumer
from bus.kafka_publisher import KafkaPublisher
from bus.kafka_settings import KafkaSettings
from bus.kafka_spread import Spread
from bus.kafka_topics import KafkaTopics
from bus.kafka_trouble import Janitor
from bus.kafka_wire import EARLIEST, LATEST, OLDEST_RECORD, KafkaWire, Spot
from bus.port import LoadPositions, PartitionState

PING_SECONDS = 2.0
MILLISECONDS = 1000


class KafkaLog:
    """One Kafka cluster as the topic log; nothing connects before it is needed."""

    def __init__(self, *, settings: KafkaSettings) -> None:
        self._settings = settings
        self._janitor = Janitor()
        self._wire = KafkaWire(settings=settings, janitor=self._janitor)
        self._topics = KafkaTopics(settings=settings, wire=self._wire)
        self._spread = Spread()
        self._publisher: KafkaPublisher | None = None
        self._consumers: list[KafkaConsumer] = []

    async def ensure_topic(self, topic: str, *, partitions: int, retention_hours: float) -> None:
        """Create the topic, or give it more partitions; its retention is set on creation only.

        Keys go over as many partitions as were asked for here, also where somebody else has added some.

        Raises `BusUnavailableError`, and `BusError` for what no retry mends (too few brokers, no permission).
        """
        await self._topics.ensure(topic, partitions=partitions, retention_hours=retention_hours)
        self._spread.ask(topic, partitions)
        if self._publisher is not None:
            await self._publisher.refresh()

    async def publisher(self) -> KafkaPublisher:
        """Give the engine's publisher, started."""
        if self._publisher is None:
            publisher = KafkaPublisher(settings=self._settings, janitor=self._janitor, spread=self._spread)
            try:
                await publisher.start()
            except BaseException:
                await publisher.close()
                raise
            self._publisher = publisher
        return self._publisher

    async def consumer(self, topic: str, *, group: str, load_positions: LoadPositions) -> KafkaConsumer:
        """Join the group; its partitions arrive during the first fetches."""
        consumer = KafkaConsumer(
            settings=self._settings,
            wire=self._wire,
            janitor=self._janitor,
            topic=topic,
            group=group,
            load_positions=load_positions,
        )
        await consumer.start()
        self._consumers.append(consumer)
        return consumer

    async def partitions(self, topic: str) -> Sequence[PartitionState]:
        """State of every partition, ascending."""
        _, (first, following, oldest) = await self._wire.spots(topic, EARLIEST, LATEST, OLDEST_RECORD)
        return [
            _state(partition, first[partition], following[partition], oldest[partition]) for partition in sorted(first)
        ]

    async def offsets_at(self, topic: str, moment: datetime) -> dict[int, int]:
        """Give the first offset stored at or after a moment in each partition; its end where there is none."""
        asked = int(moment.timestamp() * MILLISECONDS)
        _, (found, end) = await self._wire.spots(topic, asked, LATEST)
        return {partition: at.offset if at.offset >= 0 else end[partition].offset for partition, at in found.items()}

    async def identity(self, topic: str) -> str:
        """Cluster id and topic id: both differ when what they name was created anew."""
        return (await self._wire.topic(topic)).identity

    async def ping(self) -> None:
        """Raise `BusUnavailableError` unless a broker answers within two seconds."""
        await self._wire.ping(within=PING_SECONDS)

    async def close(self) -> None:
        """Flush the publisher, leave all groups, and let go of every connection."""
        publisher, self._publisher = self._publisher, None
        consumers, self._consumers = self._consumers, []
        await asyncio.gather(*(each.close() for each in consumers))
        if publisher is not None:
            await publisher.close()
        await self._wire.close()
        await self._janitor.finish()


def _state(partition: int, first: Spot, following: Spot, oldest: Spot) -> PartitionState:
    known = oldest.timestamp >= 0
    oldest_at = datetime.fromtimestamp(oldest.timestamp / MILLISECONDS, UTC) if known else None
    return PartitionState(
        partition=partition, first_offset=first.offset, next_offset=following.offset, oldest_at=oldest_at
    )
