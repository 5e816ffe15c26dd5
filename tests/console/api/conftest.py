"""One API with tickets of two accounts for all small tests of a file."""

from collections.abc import Iterator

import pytest
from postgres_server import PostgresServer
from standing_api import StandingApi, standing_api


@pytest.fixture(scope="module")
def standing(
    postgres_server: PostgresServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StandingApi]:
    """Serve over a database of its own until the file's tests are over."""
    name = postgres_server.create(template=postgres_template)
    with standing_api(postgres_server.url(name), tmp_path_factory.mktemp("api")) as found:
        yield found
    postgres_server.drop(name)
