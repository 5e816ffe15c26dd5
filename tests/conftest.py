"""Fixtures for all tests: real servers, marks that follow from them, and no network for the rest.

database          URL of a fresh migrated database (function)
empty_database    URL of a fresh database without any schema (function)
postgres_server   the server itself (session): create, drop, pid
postgres_template name of the migrated database that `database` copies (session)
own_postgres      an embedded server of this test's own, to be killed and started again (function)
"""

import os
import socket
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import settings
from postgres_server import (
    TEST_SETTINGS,
    URL_VARIABLE,
    PostgresServer,
    migrated_template,
    running_server,
    server_folder,
)
from servers import one_line, servers_are_required

from ticket_store.embedded import EmbeddedPostgres

pytest.register_assert_rewrite("bus_contract", "bus_contract_consumer", "bus_reading", "fault_storm", "running_daemon")
pytest.register_assert_rewrite("fault_machines", "scenario_expect", "scenario_truth")

settings.register_profile("quick", max_examples=25)
settings.register_profile("thorough", max_examples=1000)
"""Chosen by `--hypothesis-profile`; without one a property has the library's hundred examples."""

pytest_plugins = ["kafka_server", "scenario_theatre", "fault_report", "fault_brokers"]
"""Modules in tests/support that bring fixtures of their own."""

SERVER_FIXTURES = {"postgres": ("postgres_server", "own_postgres"), "kafka": ("kafka_server", "kafka_jars")}
"""Mark -> the fixtures that bring the server."""

SERVER_MARKS = {*SERVER_FIXTURES, "faults"}


LONGEST_FIRST = ("tests/faults/", "tests/router/test_million_plans", "tests/e2e/", "tests/bench/")
"""Where tests last minutes, mostly waiting: begun last, they would run alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that reaches a server, however indirectly; the longest go first."""
    items.sort(
        key=lambda item: next((n for n, at in enumerate(LONGEST_FIRST) if at in item.nodeid), len(LONGEST_FIRST))
    )
    for item in items:
        used = getattr(item, "fixturenames", ())
        for mark, fixtures in SERVER_FIXTURES.items():
            if any(fixture in used for fixture in fixtures):
                item.add_marker(mark)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a server suite that skips itself where servers are required, whoever decided to skip."""
    report = yield
    needs_server = any(item.get_closest_marker(mark) for mark in SERVER_FIXTURES)
    if report.skipped and report.when == "setup" and needs_server and servers_are_required():
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if any(mark in why.lower() for mark in SERVER_FIXTURES):
            report.outcome = "failed"
            report.longrepr = f"servers are required, but: {why}"
    if report.skipped and isinstance(report.longrepr, tuple):
        report.longrepr = one_line(report.longrepr)
    return report


@pytest.fixture(autouse=True)
def loopback_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every address but this machine's to tests that need no server."""
    if not any(request.node.get_closest_marker(mark) for mark in SERVER_MARKS):
        monkeypatch.setattr(socket.socket, "connect", _only_here(socket.socket.connect))
        monkeypatch.setattr(socket.socket, "connect_ex", _only_here(socket.socket.connect_ex))


def _only_here(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        outside = self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost")
        if outside:
            pytest.fail(f"a test without servers connects to {address[0]}")
        return connect(self, address)

    return guarded


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give the embedded server, or the one that SWITCHBOARD_TEST_POSTGRES names."""
    with running_server(os.environ.get(URL_VARIABLE)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the name of a database with every room's schema."""
    name = migrated_template(postgres_server)
    yield name
    postgres_server.drop(name)


@pytest.fixture
def database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Give the URL of a fresh database with every room's schema."""
    name = postgres_server.create(template=postgres_template)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def empty_database(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of a fresh database without any schema."""
    name = postgres_server.create()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """Give an embedded server that nobody else uses."""
    with server_folder() as folder, EmbeddedPostgres(folder=folder, settings=TEST_SETTINGS) as server:
        yield server
