"""The Kafka engine: nothing lost, nothing twice, whoever is killed while mail keeps coming."""

import pytest
from fault_storm import Victims, check_nothing_lost_and_nothing_twice, storm
from kafka_broker import KafkaBroker
from running_daemon import running_daemon

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(420)]


def test_kills_on_the_kafka_engine_lose_nothing_and_double_nothing(kafka_broker: KafkaBroker) -> None:
    settings = {
        "SWITCHBOARD_BUS__ENGINE": "kafka",
        "SWITCHBOARD_BUS__KAFKA__BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "SWITCHBOARD_BUS__KAFKA__REPLICATION_FACTOR": "1",
        "SWITCHBOARD_BUS__KAFKA__MIN_INSYNC_REPLICAS": "1",
        "SWITCHBOARD_BLOBS__SHARED": "true",
    }

    def broker() -> None:
        kafka_broker.kill()
        kafka_broker.start()

    with running_daemon(settings) as daemon:
        kill = Victims(daemon)
        first = [kill.ingest, kill.route, broker, kill.postgres, kill.route]
        outcome = storm(daemon, [*first, broker, kill.ingest, kill.postgres, broker, kill.route])
    check_nothing_lost_and_nothing_twice(outcome)
