"""Creating topics on Kafka and giving them more partitions."""

import asyncio
import time

from aiokafka.errors import InvalidPartitionsError, NotControllerError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.admin import CreatePartitionsRequest, CreateTopicsRequest

from bus.kafka_settings import KafkaSettings
from bus.kafka_wire import LATEST, RETRY_SECONDS, KafkaWire, TopicMissingError, UnsettledError
from bus.port import BusError, BusUnavailableError

HOUR_MS = 3_600_000

BATCH_SLACK = 64 * 1024
"""How much larger than the largest record a topic lets a batch be: what cannot be compressed grows a little."""

SOMEBODY_WAS_FIRST = (TopicAlreadyExistsError, InvalidPartitionsError)
"""Not trouble by themselves: another process of ours did the same. Whether it did is looked at afterwards."""


class KafkaTopics:
    """Brings topics to the shape we need. Several processes may do so at once."""

    def __init__(self, *, settings: KafkaSettings, wire: KafkaWire) -> None:
        self._settings = settings
        self._wire = wire

    async def ensure(self, topic: str, *, partitions: int, retention_hours: float) -> None:
        """Create the topic, or give it more partitions, and wait until all of them have a leader that serves."""
        give_up = time.monotonic() + self._settings.request_timeout
        while True:
            try:
                await self._change(topic, partitions, retention_hours)
                await self._look(topic, partitions)
            except (UnsettledError, TopicMissingError):
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _look(self, topic: str, partitions: int) -> None:
        metadata, _ = await self._wire.spots(topic, LATEST)
        if len(metadata.leaders) < partitions:
            raise UnsettledError(f"topic {topic} has {len(metadata.leaders)} of {partitions} partitions so far")

    async def _change(self, topic: str, partitions: int, retention_hours: float) -> None:
        try:
            existing = len((await self._wire.topic(topic)).leaders)
        except TopicMissingError:
            await self._create(topic, partitions, retention_hours)
        else:
            if existing < partitions:
                await self._raise_partitions(topic, partitions)

    async def _create(self, topic: str, partitions: int, retention_hours: float) -> None:
        copies = self._settings.replication_factor
        new: tuple[object, ...] = (topic, partitions, copies, [], self._configuration(retention_hours))
        await self._do(topic, CreateTopicsRequest([new], self._timeout_ms, validate_only=False))

    async def _raise_partitions(self, topic: str, partitions: int) -> None:
        request = CreatePartitionsRequest([(topic, (partitions, None))], self._timeout_ms, validate_only=False)
        await self._do(topic, request)

    async def _do(self, topic: str, request: CreateTopicsRequest | CreatePartitionsRequest) -> None:
        answer = await self._wire.ask(request)
        for _, error_code, message in answer.topic_errors:
            error = for_code(error_code)
            if not error_code or error in SOMEBODY_WAS_FIRST:
                continue
            if error is NotControllerError:
                raise UnsettledError(f"topic {topic}: {error.__name__}")
            kind = BusUnavailableError if error.retriable else BusError
            raise kind(f"topic {topic}: {error.__name__}: {message or 'no reason given'}")

    def _configuration(self, retention_hours: float) -> list[tuple[str, str]]:
        settings = self._settings
        return [
            ("cleanup.policy", "delete"),
            ("retention.ms", str(round(retention_hours * HOUR_MS))),
            ("min.insync.replicas", str(settings.min_insync_replicas)),
            ("max.message.bytes", str(settings.max_record_bytes + BATCH_SLACK)),
            ("message.timestamp.type", "LogAppendTime"),  # the broker's clock says when a record was stored
            ("unclean.leader.election.enable", "false"),
        ]

    @property
    def _timeout_ms(self) -> int:
        return round(self._settings.request_timeout * 1000)
