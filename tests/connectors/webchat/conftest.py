"""One database for all tests of a file: each has visitors of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from chat_page import ChatRoom, chat_room
from postgres_server import PostgresServer


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    name = postgres_server.create(template=postgres_template)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
async def room(database: str) -> AsyncIterator[ChatRoom]:
    async with chat_room(database) as found:
        yield found
