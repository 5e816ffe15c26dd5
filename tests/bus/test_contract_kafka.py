"""Kafka meets the contract of the port."""

from collections.abc import AsyncIterator

import pytest
from bus_contract import LogContract
from bus_reading import NewLog
from kafka_logs import kafka_log
from kafka_server import KafkaServer

from bus.port import Log


@pytest.fixture
async def new_log(kafka: KafkaServer) -> AsyncIterator[NewLog]:
    made = []

    async def make() -> Log:
        made.append(kafka_log(kafka.bootstrap))
        return made[-1]

    yield make
    for log in made:
        await log.close()


class TestKafkaContract(LogContract):
    """All of it."""
