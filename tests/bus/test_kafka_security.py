"""TLS and SASL against a broker that accepts nothing else."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bus_reading import filled_topic, positions, read
from kafka_broker import KafkaBroker
from kafka_logs import kafka_log

from bus.port import BusUnavailableError

USER, PASSWORD, MECHANISM = "desk", "a-test-password", "SCRAM-SHA-512"
LOGIN = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{USER}" password="{PASSWORD}";'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a broker key with its own certificate; `ca.pem` is what clients trust."""
    folder = tmp_path_factory.mktemp("tls")
    store = ["-alias", "broker", "-keystore", str(folder / "broker.p12"), "-storepass", PASSWORD]
    make = ["-genkeypair", "-keyalg", "EC", "-dname", "CN=broker", "-ext", "san=ip:127.0.0.1", "-storetype", "PKCS12"]
    give = ["-exportcert", "-rfc", "-file", str(folder / "ca.pem")]
    for arguments in (make, give):
        subprocess.run(["keytool", *arguments, *store], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def guarded(kafka_jars: Path, certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Give a broker whose only client listener speaks SASL over TLS."""
    settings = {
        "listener.security.protocol.map": "PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        "listener.name.plaintext.scram-sha-512.sasl.jaas.config": LOGIN,
        "ssl.keystore.location": str(certificate / "broker.p12"),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.password": PASSWORD,
        "ssl.truststore.location": str(certificate / "ca.pem"),
        "ssl.truststore.type": "PEM",
    }
    folder = tmp_path_factory.mktemp("guarded") / "broker"
    scram = (f"{MECHANISM}=[name={USER},password={PASSWORD}]",)
    broker = KafkaBroker(jars=kafka_jars, folder=folder, settings=settings, scram=scram)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def access(certificate: Path) -> dict[str, Any]:
    """Give settings that the broker lets in."""
    return {
        "security_protocol": "SASL_SSL",
        "ssl_cafile": certificate / "ca.pem",
        "sasl_mechanism": MECHANISM,
        "sasl_username": USER,
        "sasl_password": PASSWORD,
    }


async def test_records_go_through_tls_with_a_password(guarded: KafkaBroker, access: dict[str, Any]) -> None:
    log = kafka_log(guarded.bootstrap, **access)
    topic = await filled_topic(log, count=10)
    consumer = await log.consumer(topic, group="router", load_positions=positions())
    assert len(await read(consumer, 10)) == 10
    await log.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sasl_password": "wrong"},
        {"sasl_username": "stranger"},
        {"ssl_cafile": None},
        {"security_protocol": "SSL", "sasl_mechanism": None, "sasl_username": None, "sasl_password": None},
    ],
    ids=["password", "user", "unknown authority", "no password"],
)
async def test_whoever_is_not_let_in_is_told_without_the_password(
    guarded: KafkaBroker, access: dict[str, Any], wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    log = kafka_log(guarded.bootstrap, **(access | wrong))
    with pytest.raises(BusUnavailableError) as caught:
        await log.ping()
    assert PASSWORD not in str(caught.value) + caplog.text
    await log.close()
