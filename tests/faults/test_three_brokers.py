"""Three brokers, two that take in, two routers: nothing is lost and nothing stands twice, whoever comes or goes.

Topics have three copies, and two must have a record before anybody hears yes. Everything is sent through a balancer, so
what one process did not answer is brought to the other.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_machines import Machines, caught, machines
from kafka_admin import add_partitions
from kafka_cluster import BROKERS, KafkaCluster, kafka_cluster
from kafka_leaders import GROUPS, turn_leaders
from running_daemon import RunningDaemon

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(420)]

INBOUND = "switchboard.inbound"
TICKETS = "switchboard.tickets"
PATIENCE = 60.0
MORE = 4
"""Partitions that are added."""
LEAVING = (
    ("route-1", RunningDaemon.kill),
    ("ingest-1", RunningDaemon.kill),
    ("route-2", RunningDaemon.stop),
    ("ingest-2", RunningDaemon.stop),
)
"""Who leaves, and by which signal: SIGKILL or SIGTERM."""


@pytest.fixture(scope="module")
def cluster(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Give one cluster to all tests here."""
    with kafka_cluster(kafka_jars, tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def shared_machines(cluster: KafkaCluster) -> Iterator[Machines]:
    """Give one deployment to all tests here."""
    with machines(cluster) as made:
        yield made


@pytest.fixture
def desk(shared_machines: Machines) -> Machines:
    """Give it with every broker and every process there, whatever the test before has done."""
    shared_machines.cluster.start()
    shared_machines.cluster.wait_in_sync()
    return shared_machines


def test_topics_have_three_copies_of_which_two_must_be_written(desk: Machines) -> None:
    now = desk.cluster.standing()
    for topic in (INBOUND, TICKETS):
        assert {len(replicas) for replicas in now.replicas[topic].values()} == {BROKERS}


def test_a_broker_that_is_killed_stops_nothing_and_comes_back(desk: Machines) -> None:
    with desk.sending() as senders:
        lost = desk.cluster.brokers[desk.cluster.standing().coordinator - 1]
        hit = caught(senders)
        lost.kill()
        senders.wait_accepted(40, seconds=PATIENCE)
        desk.wait_routed(senders)
        lost.start()
        desk.cluster.wait_in_sync()
    assert hit > 0


def test_leaders_that_move_lose_nothing(desk: Machines) -> None:
    hits = []
    with desk.sending() as senders:
        for _ in range(BROKERS):
            before = desk.cluster.standing().leaders
            hits.append(caught(senders))
            asyncio.run(turn_leaders(desk.cluster.bootstrap, (INBOUND, TICKETS, GROUPS)))
            desk.cluster.wait_led_otherwise(before)
            senders.wait_accepted(20, seconds=PATIENCE)
    assert all(hits)


def test_with_two_brokers_away_nothing_is_accepted_until_they_are_back(desk: Machines) -> None:
    with desk.sending() as senders:
        hit = caught(senders)
        for broker in desk.cluster.brokers[:2]:
            broker.kill()
        time.sleep(1.0)  # answers that were on their way
        before = senders.accepted
        senders.wait_later(seconds=PATIENCE)
        assert senders.accepted == before
        assert not any(desk.processes[name].is_ready() for name in desk.intake_ports)
        desk.cluster.start()
    assert hit > 0


def test_partitions_that_somebody_adds_change_nobodys_order(desk: Machines) -> None:
    before = len(desk.cluster.standing().leaders[INBOUND])
    hits = []
    with desk.sending() as senders:
        for topic in (INBOUND, TICKETS):
            hits.append(caught(senders))
            asyncio.run(add_partitions(desk.cluster.bootstrap, topic, before + MORE))
        desk.wait_read(before + MORE)
        senders.wait_accepted(40, seconds=PATIENCE)
        assert not desk.routed_partitions() & set(range(before, before + MORE))
    assert all(hits)


def test_partitions_that_settings_add_are_written_and_routed(desk: Machines) -> None:
    before = len(desk.cluster.standing().leaders[INBOUND])
    with desk.sending() as senders:
        hit = caught(senders)
        desk.raise_partitions(senders, before + MORE)
        senders.wait_accepted(40, seconds=PATIENCE)
    assert hit > 0
    assert desk.routed_partitions() & set(range(before, before + MORE))


def test_brokers_that_are_restarted_one_after_the_other_lose_nothing(desk: Machines) -> None:
    hits = []
    with desk.sending() as senders:
        for broker in desk.cluster.brokers:
            hits.append(caught(senders))
            broker.stop()
            senders.wait_accepted(10, seconds=PATIENCE)
            broker.start()
            desk.cluster.wait_in_sync()
    assert all(hits)


def test_processes_that_leave_and_join_lose_nothing(desk: Machines) -> None:
    hits = []
    with desk.sending() as senders:
        for name, leave in LEAVING:
            process = desk.processes[name]
            desk.wait_ready()
            hits.append(caught(senders))
            leave(process)
            senders.wait_accepted(20, seconds=PATIENCE)
            desk.wait_routed(senders)
            process.launch()
        desk.wait_ready()
    assert all(hits)
