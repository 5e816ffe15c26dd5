"""Webhooks and polling: nothing lost, nothing twice, whoever is killed while messages keep coming (C46)."""

import pytest
from fault_channels import Callers, Polled, channels, storm
from fault_storm import Victims, check_nothing_lost_and_nothing_twice
from kafka_broker import KafkaBroker
from running_daemon import running_daemon

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.timeout(420)]


def test_kills_while_platforms_call_and_are_polled_on_the_embedded_engine_lose_and_double_nothing() -> None:
    with channels() as (settings, port, vk), running_daemon(settings) as daemon:
        kill = Victims(daemon)
        callers = Callers(port)
        first = [kill.ingest, kill.postgres, kill.ingest, kill.route, kill.ingest]
        outcome = storm(
            daemon, [callers, Polled(vk)], [*first, kill.ingest, kill.postgres, kill.ingest, kill.route, kill.ingest]
        )
    check_nothing_lost_and_nothing_twice(outcome)
    assert callers.statuses <= {202, 503}, "trouble of ours is later, never an error"


@pytest.mark.kafka
def test_kills_while_platforms_call_and_are_polled_on_the_kafka_engine_lose_and_double_nothing(
    kafka_broker: KafkaBroker,
) -> None:
    kafka = {
        "SWITCHBOARD_BUS__ENGINE": "kafka",
        "SWITCHBOARD_BUS__KAFKA__BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "SWITCHBOARD_BUS__KAFKA__REPLICATION_FACTOR": "1",
        "SWITCHBOARD_BUS__KAFKA__MIN_INSYNC_REPLICAS": "1",
        "SWITCHBOARD_BLOBS__SHARED": "true",
    }

    def broker() -> None:
        kafka_broker.kill()
        kafka_broker.start()

    with channels(kafka) as (settings, port, vk), running_daemon(settings) as daemon:
        kill = Victims(daemon)
        callers = Callers(port)
        first = [kill.ingest, broker, kill.ingest, kill.postgres, kill.ingest]
        outcome = storm(daemon, [callers, Polled(vk)], [*first, broker, kill.ingest, kill.route, broker, kill.ingest])
    check_nothing_lost_and_nothing_twice(outcome)
    assert callers.statuses <= {202, 503}, "trouble of ours is later, never an error"
