"""One database for all tests of a file: each makes links of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from form_lab import FormLab, form_lab
from postgres_server import PostgresServer


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    name = postgres_server.create(template=postgres_template)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
async def lab(database: str) -> AsyncIterator[FormLab]:
    async with form_lab(database) as found:
        yield found
