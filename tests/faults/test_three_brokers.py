"""Three brokers, two that take in, two routers: nothing is lost and nothing stands twice, whoever comes or goes.

Topics have three copies, and two must have a record before anybody hears yes. Everything is sent through a balancer, so
what one process did not answer is brought to the other.
"""

import asyncio
import time

import pytest
from bus_reading import filled_topic
from fault_machines import Machines, caught
from kafka_admin import add_partitions, topic_settings
from kafka_cluster import BROKERS, KafkaCluster
from kafka_leaders import GROUPS, turn_leaders
from kafka_logs import kafka_log
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


async def test_questions_are_answered_as_soon_as_a_broker_is_gone(kafka_of_three: KafkaCluster) -> None:
    log = kafka_log(kafka_of_three.bootstrap, replication_factor=3, min_insync_replicas=2, request_timeout=30.0)
    topic = await filled_topic(log, partitions=6)
    before = await log.identity(topic)
    kafka_of_three.brokers[0].kill()
    for _ in range(20):  # it stands in the metadata yet, and one question in three would go to it
        await log.ping()
        assert await log.identity(topic) == before
    assert len(await log.partitions(topic)) == 6, "partitions whose leader is gone have another one soon"
    await log.close()


def test_topics_have_three_copies_of_which_two_must_be_written(machines_up: Machines) -> None:
    now = machines_up.cluster.standing()
    for topic in (INBOUND, TICKETS):
        assert {len(replicas) for replicas in now.replicas[topic].values()} == {BROKERS}
        kept = asyncio.run(topic_settings(machines_up.cluster.bootstrap, topic))
        assert (kept["min.insync.replicas"], kept["unclean.leader.election.enable"]) == ("2", "false")


def test_a_broker_that_is_killed_stops_nothing_and_comes_back(machines_up: Machines) -> None:
    with machines_up.sending() as senders:
        lost = machines_up.cluster.brokers[machines_up.cluster.standing().coordinator - 1]
        hit = caught(senders)
        lost.kill()
        senders.wait_accepted(40, seconds=PATIENCE)
        machines_up.wait_routed(senders)
        lost.start()
        machines_up.cluster.wait_in_sync()
    assert hit > 0


def test_leaders_that_move_lose_nothing(machines_up: Machines) -> None:
    hits = []
    with machines_up.sending() as senders:
        for _ in range(BROKERS):
            before = machines_up.cluster.standing().leaders
            hits.append(caught(senders))
            asyncio.run(turn_leaders(machines_up.cluster.bootstrap, (INBOUND, TICKETS, GROUPS)))
            machines_up.cluster.wait_led_otherwise(before)
            senders.wait_accepted(20, seconds=PATIENCE)
    assert all(hits)


def test_with_two_brokers_away_nothing_is_accepted_until_they_are_back(machines_up: Machines) -> None:
    with machines_up.sending() as senders:
        hit = caught(senders)
        for broker in machines_up.cluster.brokers[:2]:
            broker.kill()
        time.sleep(1.0)  # answers that were on their way
        before = senders.accepted
        senders.wait_later(seconds=PATIENCE)
        machines_up.wait_intake_red()
        assert senders.accepted == before
        machines_up.cluster.start()
    assert hit > 0


def test_partitions_that_somebody_adds_change_nobodys_order(machines_up: Machines) -> None:
    before = len(machines_up.cluster.standing().leaders[INBOUND])
    hits = []
    with machines_up.sending() as senders:
        for topic in (INBOUND, TICKETS):
            hits.append(caught(senders))
            asyncio.run(add_partitions(machines_up.cluster.bootstrap, topic, before + MORE))
        machines_up.wait_read(before + MORE)
        senders.wait_accepted(40, seconds=PATIENCE)
        assert not machines_up.routed_partitions() & set(range(before, before + MORE))
    assert all(hits)


def test_partitions_that_settings_add_are_written_and_routed(machines_up: Machines) -> None:
    before = len(machines_up.cluster.standing().leaders[INBOUND])
    with machines_up.sending() as senders:
        hit = caught(senders)
        machines_up.raise_partitions(senders, before + MORE)
        senders.wait_accepted(40, seconds=PATIENCE)
    assert hit > 0
    assert machines_up.routed_partitions() & set(range(before, before + MORE))


def test_brokers_that_are_restarted_one_after_the_other_lose_nothing(machines_up: Machines) -> None:
    hits = []
    with machines_up.sending() as senders:
        for broker in machines_up.cluster.brokers:
            hits.append(caught(senders))
            broker.stop()
            senders.wait_accepted(10, seconds=PATIENCE)
            broker.start()
            machines_up.cluster.wait_in_sync()
    assert all(hits)


def test_processes_that_leave_and_join_lose_nothing(machines_up: Machines) -> None:
    hits = []
    with machines_up.sending() as senders:
        for name, leave in LEAVING:
            process = machines_up.processes[name]
            machines_up.wait_ready()
            hits.append(caught(senders))
            leave(process)
            senders.wait_accepted(20, seconds=PATIENCE)
            machines_up.wait_routed(senders)
            process.launch()
        machines_up.wait_ready()
    assert all(hits)
