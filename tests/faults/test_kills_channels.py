"""Webhooks, polling, sockets, forms: nothing lost and nothing twice, whoever is killed while messages come (C46)."""

import pytest
from fault_bots import AskedTelegram, CalledByViber, bots
from fault_channels import Callers, Polled, Traffic, channels, storm
from fault_forms import Forms, form_account
from fault_hooks import CalledByTelegram, CalledByVk, hooks
from fault_sockets import Pages, account
from fault_storm import Victims, check_nothing_lost_and_nothing_twice
from kafka_broker import KafkaBroker
from running_daemon import running_daemon

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.timeout(420)]


def test_kills_while_platforms_call_and_are_polled_and_pages_chat_and_send_forms_on_the_embedded_engine() -> None:
    with (
        channels({**account("shop"), **form_account("contact")}) as (settings, port, vk),
        running_daemon(settings) as daemon,
    ):
        kill = Victims(daemon)
        callers = Callers(port)
        forms = Forms(daemon, port, "contact")
        traffic: list[Traffic] = [callers, Polled(vk), Pages(port, "shop"), forms]
        outcome = storm(
            daemon, traffic, [kill.ingest, kill.postgres, kill.ingest, kill.route, kill.postgres, kill.ingest]
        )
    check_nothing_lost_and_nothing_twice(outcome)
    assert callers.statuses | forms.statuses <= {200, 202, 503}, "trouble of ours is later, never an error"


@pytest.mark.kafka
def test_kills_while_every_platform_calls_and_is_polled_and_pages_chat_and_send_forms_on_the_kafka_engine(
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

    with (
        channels({**kafka, **account("shop"), **form_account("contact")}) as (settings, port, vk),
        hooks(port) as (more, called, telegram),
        bots(port) as (further, viber, asked),
        running_daemon({**settings, **more, **further}) as daemon,
    ):
        daemon.wait_until(
            lambda: bool(called.community.wanted and telegram.webhook and viber.webhook), seconds=30, what="registered"
        )
        kill = Victims(daemon)
        callers = Callers(port)
        pushed: list[Traffic] = [
            CalledByVk(called),
            CalledByTelegram(telegram),
            CalledByViber(viber),
            AskedTelegram(asked),
        ]
        forms = Forms(daemon, port, "contact")
        traffic: list[Traffic] = [callers, Polled(vk), Pages(port, "shop"), forms, *pushed]
        outcome = storm(daemon, traffic, [kill.ingest, broker, kill.ingest, kill.postgres, broker, kill.ingest])
    check_nothing_lost_and_nothing_twice(outcome)
    assert callers.statuses | forms.statuses <= {200, 202, 503}, "trouble of ours is later, never an error"
