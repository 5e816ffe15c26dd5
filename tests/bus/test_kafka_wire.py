"""What is asked of a cluster that has nobody to answer, or of which one broker says nothing any more."""

import asyncio
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NodeNotReadyError, RequestTimedOutError
from kafka_logs import kafka_log, kafka_settings
from kafka_server import KafkaServer

from bus.kafka_trouble import Janitor
from bus.kafka_wire import KafkaWire, UnsettledError, nodes_in_turn
from bus.port import BusUnavailableError

DARK, REFUSES, WELL, TIMES_OUT, SLOW = range(5)


class Cluster:
    """Brokers as a client knows them; `asked` are those to which a question went."""

    def __init__(self, *brokers: int) -> None:
        self.cluster = SimpleNamespace(brokers=lambda: [SimpleNamespace(nodeId=node) for node in brokers])
        self.asked: list[int] = []

    async def send(self, node: int, _: object) -> str:
        self.asked.append(node)
        if node == DARK:
            await asyncio.sleep(3600)
        if node == SLOW:
            await asyncio.sleep(0.3)
        if node == REFUSES:
            raise NodeNotReadyError
        if node == TIMES_OUT:
            raise RequestTimedOutError
        return "answered"

    async def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture(autouse=True)
def brokers_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the first first: which one it is would be chance."""
    monkeypatch.setattr("random.shuffle", lambda _: None)
    monkeypatch.setattr("random.sample", lambda whom, _: list(whom))


@pytest.fixture
def dark_server() -> Iterator[str]:
    """Give an address that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"127.0.0.1:{silent.getsockname()[1]}"


def wire_of(cluster: Any) -> KafkaWire:
    wire = KafkaWire(settings=kafka_settings("127.0.0.1:1", request_timeout=1.5), janitor=Janitor())
    wire._client = cluster
    return wire


async def test_a_cluster_that_names_no_broker_is_asked_again_shortly() -> None:
    knows_nobody_yet = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(UnsettledError, match="no broker"):
        nodes_in_turn(knows_nobody_yet)


@pytest.mark.parametrize("brokers", [(DARK, WELL), (TIMES_OUT, WELL), (REFUSES, DARK, WELL)])
async def test_a_broker_that_says_nothing_costs_some_of_the_time_and_the_next_is_asked(
    brokers: tuple[int, ...],
) -> None:
    cluster = Cluster(*brokers)
    await wire_of(cluster).ping(within=1.5)
    assert cluster.asked == list(brokers)


async def test_brokers_that_take_long_to_reach_have_time_enough_however_many_there_are() -> None:
    cluster = Cluster(*[SLOW] * 12)
    await wire_of(cluster).ping(within=1.5)
    assert cluster.asked == [SLOW]


async def test_when_nobody_answers_the_time_is_kept_and_the_next_question_begins_anew() -> None:
    wire = wire_of(Cluster(DARK, REFUSES, DARK))
    began = time.monotonic()
    with pytest.raises(BusUnavailableError, match=r"did not answer within 0\.4 s"):
        await wire.ping(within=0.4)
    assert time.monotonic() - began < 1.4
    assert wire._client is None


async def test_brokers_that_all_refuse_are_asked_again_shortly() -> None:
    with pytest.raises(UnsettledError, match="no connection to any broker"):
        await wire_of(Cluster(REFUSES, REFUSES)).ping(within=1.5)


async def test_a_server_of_the_settings_that_says_nothing_leaves_time_for_the_next(
    kafka: KafkaServer, dark_server: str
) -> None:
    log = kafka_log(f"{dark_server},{kafka.bootstrap}", request_timeout=3.0)
    await log.ping()
    await log.close()
