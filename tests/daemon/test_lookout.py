import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from kafka_server import KafkaServer
from postgres_server import query
from prometheus_client import CollectorRegistry

from bus.port import NewRecord
from connectors.base import LaterError
from daemon.clock import now
from daemon.door import Gate
from daemon.health import Board
from daemon.lookout import Lookout
from daemon.metrics import IntakeMetrics
from daemon.settings import Settings
from daemon.settings_load import load
from daemon.wiring import GROUP, make_log
from ticket_store.pool import make_pool

TWO_SECONDS = 2 / 3600
ROUTED = (
    "insert into consumer_offsets (consumer, topic, partition, next_offset, log_identity) values (%s, %s, 0, 1, 'x')"
)


def settings(folder: Path, bootstrap: str, topic: str) -> Settings:
    variables = {
        "SWITCHBOARD_BUS__ENGINE": "kafka",
        "SWITCHBOARD_BUS__KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "SWITCHBOARD_BUS__KAFKA__REPLICATION_FACTOR": "1",
        "SWITCHBOARD_BUS__KAFKA__MIN_INSYNC_REPLICAS": "1",
        "SWITCHBOARD_BUS__INBOUND_TOPIC": topic,
        "SWITCHBOARD_BUS__INBOUND_HOURS": str(2 * TWO_SECONDS),
        "SWITCHBOARD_BLOBS__SHARED": "true",
    }
    return load(None, variables, folder).settings


async def until(true: Callable[[], bool], step: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await step()
            await asyncio.sleep(0.2)


def is_open(gate: Gate) -> bool:
    try:
        gate.check()
    except LaterError:
        return False
    return True


async def test_the_door_closes_while_unrouted_records_are_older_than_half_the_retention(
    kafka: KafkaServer, kafka_topic: str, database: str, tmp_path: Path
) -> None:
    found = settings(tmp_path, kafka.bootstrap, kafka_topic)
    log = make_log(found, database)
    gate = Gate(board=Board(clock=now), counted=lambda _: None)
    async with make_pool(database, name="test", max_size=2) as pool:
        metrics = IntakeMetrics(registry=CollectorRegistry())
        lookout = Lookout(settings=found, pool=pool, log=log, gate=gate, metrics=metrics)
        await log.ensure_topic(kafka_topic, partitions=1, retention_hours=24)
        publisher = await log.publisher()
        await lookout.look_at_lag()
        assert is_open(gate)
        await publisher.publish(kafka_topic, [NewRecord(key=b"k", value=b"v")])
        await lookout.look_at_lag()
        assert is_open(gate)
        await until(lambda: not is_open(gate), lookout.look_at_lag)
        query(database, ROUTED, GROUP, kafka_topic)
        await lookout.look_at_lag()
        assert is_open(gate)
    await log.close()


@pytest.mark.parametrize(("code", "counted"), [("550", 1), ("552", 1), ("451", 0), ("250", 0)])
async def test_only_refusals_for_ever_are_counted_in_the_ledger(
    database: str, tmp_path: Path, code: str, counted: int
) -> None:
    found = load(None, {}, tmp_path).settings
    log = make_log(found, database)
    gate = Gate(board=Board(clock=now), counted=lambda _: None)
    async with make_pool(database, name="test", max_size=2) as pool:
        metrics = IntakeMetrics(registry=CollectorRegistry())
        lookout = Lookout(settings=found, pool=pool, log=log, gate=gate, metrics=metrics)
        lookout.heard(code)
        await lookout.write_refusals()
    await log.close()
    assert query(database, "select coalesce(sum(count), 0)::int from refusals") == [(counted,)]
