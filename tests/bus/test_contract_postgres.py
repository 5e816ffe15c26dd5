"""The PostgreSQL log meets the contract of the port."""

from collections.abc import AsyncIterator

import pytest
from bus_contract import LogContract
from bus_reading import NewLog

from bus.port import Log
from bus.postgres import PostgresLog


@pytest.fixture
async def new_log(database: str) -> AsyncIterator[NewLog]:
    made = []

    async def make() -> Log:
        made.append(PostgresLog(conninfo=database, lease=3))
        return made[-1]

    yield make
    for log in made:
        await log.close()


class TestPostgresLogContract(LogContract):
    """All of it."""
