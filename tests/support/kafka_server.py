"""Fixtures that bring a real Kafka, by the first that works: SWITCHBOARD_TEST_KAFKA, a container engine, Maven's jars.

kafka_server      the shared server (session); `bootstrap` is its address
kafka             the same, under the name that tests speak (session)
kafka_topic       a topic name that no other test uses (function); the topic itself is for the test to create
kafka_broker      a started broker of this test's own, to be killed and started again (function; Maven's jars only)
kafka_jars        folder with Kafka's jars (session)
"""

import os
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka_broker import KafkaBroker, KafkaUnavailableError, resolve_jars
from servers import server_missing

BOOTSTRAP_VARIABLE = "SWITCHBOARD_TEST_KAFKA"
ENGINE_SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
ENGINE_SECONDS = 2.0
IMAGE = "confluentinc/cp-kafka:7.9.0"
REMEDY = f"install Java 17+ and Maven (bash tests/servers.sh), or set {BOOTSTRAP_VARIABLE} to the address of a Kafka"


@dataclass(frozen=True, kw_only=True)
class KafkaServer:
    """A Kafka that answers. `origin` says where it came from."""

    bootstrap: str
    origin: str


@contextmanager
def running_kafka(folder: Path) -> Iterator[KafkaServer]:
    """Give a Kafka and let it go afterwards. Raises `KafkaUnavailableError` when none can be had."""
    given = os.environ.get(BOOTSTRAP_VARIABLE, "")
    if given:
        yield KafkaServer(bootstrap=given, origin=BOOTSTRAP_VARIABLE)
        return
    with ExitStack() as started:
        yield _from_container(started) or _from_jars(started, folder)


def _from_jars(started: ExitStack, folder: Path) -> KafkaServer:
    broker = KafkaBroker(jars=resolve_jars(), folder=folder)
    broker.start()
    started.callback(broker.stop)
    return KafkaServer(bootstrap=broker.bootstrap, origin="jars")


def _from_container(started: ExitStack) -> KafkaServer | None:
    if not container_engine_answers():
        return None
    # testcontainers asks the engine on import and wants seconds when there is none
    from docker.errors import DockerException  # type: ignore[import-untyped]  # noqa: PLC0415 - it ships no types
    from testcontainers.kafka import KafkaContainer  # noqa: PLC0415 - slow where there is no engine

    try:
        container = started.enter_context(KafkaContainer(IMAGE).with_kraft())
    except (DockerException, OSError, RuntimeError) as error:  # an engine without the image: the jars may do
        sys.stderr.write(f"\nThe container engine gave no Kafka ({error}); trying Maven's jars.\n")
        return None
    return KafkaServer(bootstrap=container.get_bootstrap_server(), origin="container")


def container_engine_answers() -> bool:
    """Whether a container engine listens where engines listen; quick to say no."""
    host = os.environ.get("DOCKER_HOST", "")
    paths = (host.removeprefix("unix://"),) if host.startswith("unix://") else ENGINE_SOCKETS
    return any(_pong(path) for path in paths if Path(path).is_socket())


def _pong(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as engine:
        engine.settimeout(ENGINE_SECONDS)
        try:
            engine.connect(path)
            engine.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in engine.recv(64)
        except OSError:
            return False


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """Give the Kafka that all tests share, or end the test with one line that says why there is none."""
    try:
        with running_kafka(tmp_path_factory.mktemp("kafka") / "broker") as server:
            yield server
    except KafkaUnavailableError as error:
        server_missing(f"no Kafka: {error}. Remedy: {REMEDY}")


@pytest.fixture(scope="session")
def kafka(kafka_server: KafkaServer) -> KafkaServer:
    """Give the shared Kafka."""
    return kafka_server


@pytest.fixture
def kafka_topic() -> str:
    """Give a topic name of this test's own."""
    return f"test.{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    """Give the folder with Kafka's jars, for tests that must own their broker."""
    try:
        return resolve_jars()
    except KafkaUnavailableError as error:
        server_missing(f"no Kafka: {error}. Remedy: {REMEDY}")


@pytest.fixture
def kafka_broker(kafka_jars: Path, tmp_path: Path) -> Iterator[KafkaBroker]:
    """Give a started broker that nobody else uses."""
    broker = KafkaBroker(jars=kafka_jars, folder=tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()
