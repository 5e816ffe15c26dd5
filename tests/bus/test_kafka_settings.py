"""Settings of the Kafka engine: mistakes are named, dangers are warned of, secrets stay secret."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from bus_reading import positions
from kafka_logs import kafka_log
from pydantic import ValidationError

from bus.kafka_settings import KafkaSettings, client_options, kafka_warnings
from bus.port import BusUnavailableError
from doubles.ports import free_ports

SASL: dict[str, Any] = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "desk", "sasl_password": "s3cret"}


def settings(**given: Any) -> KafkaSettings:
    return KafkaSettings(**({"bootstrap_servers": ["a:9092"]} | given))


def test_servers_may_be_written_in_one_line() -> None:
    assert settings(bootstrap_servers="a:9092, [::1]:9093").bootstrap_servers == ("a:9092", "[::1]:9093")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bootstrap_servers": []}, "at least 1"),
        ({"bootstrap_servers": "kafka"}, "'kafka' is not host:port"),
        ({"bootstrap_servers": "kafka:99999"}, "is not host:port"),
        ({"brokers": 3}, "Extra inputs are not permitted"),
        ({"compression": "snappy"}, "'lz4', 'zstd' or 'none'"),
        ({"replication_factor": 1}, "min_insync_replicas is higher than replication_factor"),
        ({"security_protocol": "SASL_SSL"}, "sasl_username is needed with SASL_SSL"),
        ({"sasl_username": "desk"}, "sasl_username needs security_protocol SASL_SSL"),
        ({"security_protocol": "SSL", "ssl_cafile": "/nowhere/ca.pem"}, "ssl_cafile: no such file: /nowhere/ca.pem"),
        ({"publish_timeout": 0}, "greater than 0"),
    ],
)
def test_a_mistake_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(**given)


def test_all_mistakes_about_security_are_told_at_once(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    with pytest.raises(ValidationError) as caught:
        settings(security_protocol="SASL_PLAINTEXT", ssl_keyfile=key)
    for said in ("sasl_mechanism is needed", "sasl_password is needed", "needs ssl_certfile", "mean nothing with"):
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"replication_factor": 1, "min_insync_replicas": 1}, "one broker's loss loses mail"),
        ({"min_insync_replicas": 1}, "on one broker alone"),
        ({"min_insync_replicas": 3}, "one broker's absence stops intake"),
        ({"security_protocol": "SASL_PLAINTEXT"} | SASL, "in the clear"),
    ],
)
def test_a_danger_is_warned_of(given: dict[str, Any], said: str) -> None:
    (warning,) = kafka_warnings(settings(**given))
    assert said in warning


def test_the_defaults_are_safe() -> None:
    assert kafka_warnings(settings()) == []


def test_a_password_is_not_shown() -> None:
    given = settings(security_protocol="SASL_SSL", **SASL)
    assert "s3cret" not in repr(given) + given.model_dump_json()
    assert client_options(given)["sasl_plain_password"] == "s3cret"


def test_tls_checks_certificate_and_host_name() -> None:
    context = client_options(settings(security_protocol="SSL"))["ssl_context"]
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


async def test_where_no_broker_listens_everything_says_unavailable() -> None:
    (port,) = free_ports(1)
    log = kafka_log(f"127.0.0.1:{port}", publish_timeout=1.0, request_timeout=1.0)
    for asked in (
        log.ping(),
        log.publisher(),
        log.consumer("topic", group="router", load_positions=positions()),
        log.ensure_topic("topic", partitions=1, retention_hours=1),
        log.partitions("topic"),
        log.identity("topic"),
    ):
        with pytest.raises(BusUnavailableError):
            await asked
    await log.close()
