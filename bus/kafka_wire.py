"""Questions to the cluster: which topic is this, who leads its partitions, where do they begin and end.

The connection is made when first needed and made anew, from the bootstrap servers, after every failure: aiokafka itself
never goes back to them, so that a cluster whose brokers all moved would stay lost.
"""

import asyncio
import base64
import random
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.api import Request
from aiokafka.protocol.offset import OffsetRequest

from bus.kafka_protocol import TopicMetadataRequest
from bus.kafka_settings import KafkaSettings, client_options
from bus.kafka_trouble import Janitor, answers_within, let_go
from bus.kafka_turns import AWAY, in_turn
from bus.port import BusUnavailableError

EARLIEST = -2
LATEST = -1
OLDEST_RECORD = 0
"""Ask for the first record stored at or after the epoch: unlike `EARLIEST` the answer carries its time."""

RETRY_SECONDS = 0.05
CONSUMER_REPLICA = -1
READ_UNCOMMITTED = 0


class TopicMissingError(BusUnavailableError):
    """The topic does not exist (yet)."""


class UnsettledError(BusUnavailableError):
    """A partition has no leader at this moment, or the leader does not know it yet: ask again shortly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicMetadata:
    """What the cluster says of one topic: its identity, and who leads each partition (None while nobody does)."""

    cluster_id: str
    topic_id: uuid.UUID
    leaders: Mapping[int, int | None]

    @property
    def identity(self) -> str:
        """Cluster and topic as an opaque string that another topic of the same name does not share."""
        topic = base64.urlsafe_b64encode(self.topic_id.bytes).decode().rstrip("=")
        return f"kafka:{self.cluster_id}:{topic}"


@dataclass(frozen=True, slots=True)
class Spot:
    """An offset and the time of the record there, in milliseconds since the epoch (-1: none)."""

    offset: int
    timestamp: int


class KafkaWire:
    """Asks single questions, each bounded by the request time-out. Safe for concurrent callers."""

    def __init__(self, *, settings: KafkaSettings, janitor: Janitor) -> None:
        self._settings = settings
        self._janitor = janitor
        self._client: AIOKafkaClient | None = None
        self._connecting = asyncio.Lock()

    async def topic(self, name: str) -> TopicMetadata:
        """Give the topic's identity and leaders. Raises `TopicMissingError` when it does not exist."""
        answer = await self._ask(None, TopicMetadataRequest((name,)))
        (error_code, _, topic_id, _, partitions, *_) = answer.topics[0]
        error = for_code(error_code)
        if error is UnknownTopicOrPartitionError:
            raise TopicMissingError(f"topic {name} does not exist: create it (`switchboard migrate` or `run` does)")
        if error_code:
            raise UnsettledError(f"topic {name}: {error.__name__}")
        leaders = {number: None if leader < 0 else leader for (_, number, leader, *_) in partitions}
        return TopicMetadata(cluster_id=answer.cluster_id, topic_id=topic_id, leaders=dict(sorted(leaders.items())))

    async def ask(self, request: Request[Any]) -> Any:  # noqa: ANN401 - the library's own structs
        """Send a request to any broker; those that only the controller can answer are passed on to it."""
        return await self._ask(None, request)

    async def ping(self, *, within: float) -> None:
        """Raise `BusUnavailableError` unless some broker answers within so many seconds."""
        await self._ask(None, TopicMetadataRequest(()), within=within)

    async def spots(self, topic: str, *timestamps: int) -> tuple[TopicMetadata, list[dict[int, Spot]]]:
        """Look offsets up in every partition, one mapping for each timestamp asked for.

        Waits while partitions change their leader. Raises `BusUnavailableError` unless all leaders answer in time.
        """
        give_up = time.monotonic() + self._settings.request_timeout
        while True:
            try:
                metadata = await self.topic(topic)
                return metadata, [await self._spots_at(topic, metadata, each) for each in timestamps]
            except UnsettledError:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    async def _spots_at(self, topic: str, metadata: TopicMetadata, timestamp: int) -> dict[int, Spot]:
        by_leader: dict[int, list[int]] = defaultdict(list)
        for partition, leader in metadata.leaders.items():
            if leader is None:
                raise UnsettledError(f"partition {partition} of {topic} has no leader now")
            by_leader[leader].append(partition)
        answers = await asyncio.gather(*(self._spots(topic, *of, timestamp) for of in by_leader.items()))
        return {partition: spot for answer in answers for partition, spot in answer.items()}

    async def _spots(self, topic: str, node: int, partitions: Iterable[int], timestamp: int) -> dict[int, Spot]:
        wanted = [(topic, [(partition, timestamp) for partition in partitions])]
        answer = await self._ask(node, OffsetRequest(CONSUMER_REPLICA, READ_UNCOMMITTED, wanted))
        spots = {}
        for _, found in answer.topics:
            for partition, error_code, stored, offset in found:
                if error_code:
                    raise UnsettledError(f"partition {partition} of {topic}: {for_code(error_code).__name__}")
                spots[partition] = Spot(offset, stored)
        return spots

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await let_go(client.close())

    async def _ask(self, node: int | None, request: Request[Any], *, within: float | None = None) -> Any:  # noqa: ANN401 - the library's own structs
        seconds = self._settings.request_timeout if within is None else within
        until = asyncio.get_running_loop().time() + seconds
        async with answers_within(seconds):
            client = await self._connected(until)
            try:
                return await _answer(client, nodes_in_turn(client) if node is None else [node], request, until)
            except BaseException as error:
                if node is None or not isinstance(
                    error, UnsettledError
                ):  # one broker that is away says nothing of others
                    await self._forget(client)  # a time-out too: the connection may be dead without knowing
                raise

    async def _connected(self, until: float) -> AIOKafkaClient:
        async with self._connecting:
            if self._client is None:
                servers = self._settings.bootstrap_servers
                self._client = await in_turn(random.sample(servers, len(servers)), self._connect, until=until)
            return self._client

    async def _connect(self, server: str) -> AIOKafkaClient:
        """Learn of the cluster from one server: aiokafka would wait all the time for the first that says nothing."""
        client = AIOKafkaClient(**client_options(self._settings) | {"bootstrap_servers": [server]})
        await self._janitor.start(client.bootstrap(), client.close, patience=self._settings.request_timeout)
        return client

    async def _forget(self, client: AIOKafkaClient) -> None:
        if self._client is client:
            self._client = None
        await let_go(client.close())


def nodes_in_turn(client: AIOKafkaClient) -> list[int]:
    """Give all brokers, to be asked one after the other. Raises `UnsettledError` while the cluster names none.

    A broker that was silent for longer than its session (`broker.session.timeout.ms`) is left out of the metadata until
    its next heartbeat, and answers questions all the same: the only one of a cluster then says that there is none.
    """
    nodes: list[int] = [broker.nodeId for broker in client.cluster.brokers()]
    if not nodes:
        raise UnsettledError("the cluster names no broker that serves now")
    random.shuffle(nodes)
    return nodes


async def _answer(client: AIOKafkaClient, nodes: Sequence[int], request: Request[Any], until: float) -> Any:  # noqa: ANN401 - the library's own structs
    """Ask these brokers in turn: one that died stands in the metadata until its session ends."""
    try:
        return await in_turn(nodes, lambda node: client.send(node, request), until=until)
    except AWAY as error:
        which = "any broker" if len(nodes) > 1 else f"broker {nodes[0]}"
        raise UnsettledError(f"no connection to {which} now") from error
