"""Settings of the Kafka engine, and what they mean to the client library."""

import ssl
from pathlib import Path
from typing import Any, Literal, Self

from aiokafka.helpers import create_ssl_context
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

ADDRESS_PARTS = 2
MAX_PORT = 65_535


class KafkaSettings(BaseModel):
    """How to reach a Kafka cluster, and how safely to store. An unknown key is an error. Times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: tuple[str, ...] = Field(min_length=1, description="host:port of some brokers")
    client_id: str = Field(default="switchboard", min_length=1, max_length=100, description="our name at the brokers")

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="how connections are encrypted (SSL) and logged in (SASL)"
    )
    ssl_cafile: Path | None = Field(default=None, description="PEM; the system's authorities when absent")
    ssl_certfile: Path | None = Field(default=None, description="PEM with our certificate, when brokers ask for one")
    ssl_keyfile: Path | None = Field(default=None, description="PEM with its key; default: inside ssl_certfile")
    ssl_key_password: SecretStr | None = Field(default=None, description="opens that key")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="how to log in; needed with SASL"
    )
    sasl_username: str | None = Field(default=None, description="who logs in; needed with SASL")
    sasl_password: SecretStr | None = Field(default=None, description="needed with SASL; better by variable")

    replication_factor: int = Field(default=3, ge=1, le=32_767, description="copies of a topic that we create")
    min_insync_replicas: int = Field(default=2, ge=1, le=32_767, description="copies that a store waits for")
    compression: Literal["lz4", "zstd", "none"] = Field(default="lz4", description="of records, under way and on disk")
    max_record_bytes: int = Field(
        default=1_000_000,
        ge=1_024,
        le=64 * 1024 * 1024,
        description="a larger record is shrunk: its text becomes a blob",
    )
    max_batch_bytes: int = Field(
        default=256 * 1024, ge=1_024, le=16 * 1024 * 1024, description="records that travel together, of one partition"
    )
    max_buffered_bytes: int = Field(default=64 * 1024 * 1024, ge=1_048_576, description="records being published")

    publish_timeout: float = Field(default=10.0, gt=0, le=300, description="then intake says later")
    request_timeout: float = Field(default=10.0, gt=0, le=300, description="for one answer of a broker")
    session_timeout: float = Field(default=10.0, ge=0.5, le=300, description="a silent consumer loses its partitions")
    poll_timeout: float = Field(default=300.0, gt=0, le=86_400, description="so does one that stops fetching")
    metadata_max_age: float = Field(default=30.0, gt=0, le=3_600, description="until new partitions are seen")

    @field_validator("bootstrap_servers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Take `a:9092,b:9092` as well as a list."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("bootstrap_servers")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            host, _, port = address.rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
                raise ValueError(f"{address!r} is not host:port")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self._sasl_problems(), *self._ssl_problems()]
        if self.min_insync_replicas > self.replication_factor:
            problems.append("min_insync_replicas is higher than replication_factor: nothing could ever be stored")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _sasl_problems(self) -> list[str]:
        given = {"sasl_mechanism": self.sasl_mechanism, "sasl_username": self.sasl_username}
        given["sasl_password"] = "given" if self.sasl_password else None
        if self.security_protocol.startswith("SASL"):
            return [f"{name} is needed with {self.security_protocol}" for name, value in given.items() if not value]
        return [f"{name} needs security_protocol SASL_SSL" for name, value in given.items() if value]

    def _ssl_problems(self) -> list[str]:
        files = {"ssl_cafile": self.ssl_cafile, "ssl_certfile": self.ssl_certfile, "ssl_keyfile": self.ssl_keyfile}
        problems = [f"{name}: no such file: {path}" for name, path in files.items() if path and not path.is_file()]
        if self.ssl_keyfile and not self.ssl_certfile:
            problems.append("ssl_keyfile needs ssl_certfile")
        if any(files.values()) and not self.security_protocol.endswith("SSL"):
            problems.append(f"ssl_* files mean nothing with security_protocol {self.security_protocol}")
        return problems


def kafka_warnings(settings: KafkaSettings) -> list[str]:
    """Say what is allowed and yet dangerous, one sentence each."""
    warnings = []
    if settings.replication_factor == 1:
        warnings.append("replication_factor = 1: one broker's loss loses mail that was acknowledged")
    elif settings.min_insync_replicas == 1:
        warnings.append("min_insync_replicas = 1: a record may stand on one broker alone when it is acknowledged")
    elif settings.min_insync_replicas == settings.replication_factor:
        warnings.append("min_insync_replicas = replication_factor: one broker's absence stops intake")
    if settings.security_protocol == "SASL_PLAINTEXT":
        warnings.append("security_protocol = SASL_PLAINTEXT: the password and all mail cross the network in the clear")
    return warnings


def tls_mistakes(settings: KafkaSettings) -> list[tuple[str, str]]:
    """Load the PEM files as the client will; give the setting and what is wrong with each that cannot be used."""
    context, mistakes = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), []
    password = settings.ssl_key_password
    if settings.ssl_cafile:
        try:
            context.load_verify_locations(cafile=settings.ssl_cafile)
        except (OSError, ssl.SSLError):
            mistakes.append(("ssl_cafile", f"{settings.ssl_cafile} holds no certificates in PEM that can be read"))
    if settings.ssl_certfile:
        try:
            secret = password.get_secret_value() if password else ""
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile, password=secret)
        except (OSError, ssl.SSLError) as error:
            reason = "the two do not belong together" if "MISMATCH" in str(error) else "one of them cannot be read"
            key = settings.ssl_keyfile or settings.ssl_certfile
            mistakes.append(("ssl_certfile", f"{settings.ssl_certfile} with the key of {key}: {reason}"))
    return mistakes


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Give the keyword arguments that every aiokafka client takes."""
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "client_id": settings.client_id,
        "security_protocol": settings.security_protocol,
        "ssl_context": _ssl_context(settings),
        "request_timeout_ms": _milliseconds(settings.request_timeout),
        "metadata_max_age_ms": _milliseconds(settings.metadata_max_age),
    }
    if settings.sasl_mechanism and settings.sasl_password:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return options


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    if not settings.security_protocol.endswith("SSL"):
        return None
    password = settings.ssl_key_password
    context: ssl.SSLContext = create_ssl_context(
        cafile=_text(settings.ssl_cafile),
        certfile=_text(settings.ssl_certfile),
        keyfile=_text(settings.ssl_keyfile),
        password=password.get_secret_value() if password else None,
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _text(path: Path | None) -> str | None:
    return str(path) if path else None


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
