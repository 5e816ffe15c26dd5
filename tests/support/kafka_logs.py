"""KafkaLog for tests: settings that suit one broker and short patience."""

from typing import Any

from bus.kafka import KafkaLog
from bus.kafka_settings import KafkaSettings

TEST_SETTINGS: dict[str, Any] = {
    "replication_factor": 1,
    "min_insync_replicas": 1,
    "session_timeout": 6.0,
    "metadata_max_age": 1.0,
    "publish_timeout": 5.0,
    "request_timeout": 5.0,
}


def kafka_settings(bootstrap: str, **changed: Any) -> KafkaSettings:
    """Give settings for one broker."""
    return KafkaSettings(**(TEST_SETTINGS | {"bootstrap_servers": bootstrap} | changed))


def kafka_log(bootstrap: str, **changed: Any) -> KafkaLog:
    """Give a log on one broker."""
    return KafkaLog(settings=kafka_settings(bootstrap, **changed))
