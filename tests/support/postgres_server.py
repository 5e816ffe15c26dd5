"""A real PostgreSQL for tests: the embedded one in a temporary folder, or a server by URL."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ticket_store.embedded import EmbeddedPostgres
from ticket_store.migrate import Component, migrate

ROOT = Path(__file__).parents[2]
TEST_SETTINGS = {"shared_buffers": "64MB"}
"""Small, and as durable as in service: crash tests rely on it."""

URL_VARIABLE = "SWITCHBOARD_TEST_POSTGRES"


def components() -> list[Component]:
    """Every room that has migrations."""
    return [(folder.parent.name, folder) for folder in sorted(ROOT.glob("*/migrations"))]


class PostgresServer:
    """One server that makes and drops databases. `embedded` is None when it was given by URL."""

    def __init__(self, *, url: str, embedded: EmbeddedPostgres | None = None) -> None:
        self._url = url
        self._embedded = embedded
        self._run = uuid.uuid4().hex[:8]
        self._made = 0

    @property
    def pid(self) -> int | None:
        """Process number, for tests that kill; None for a server by URL."""
        return self._embedded.pid if self._embedded else None

    def url(self, database: str) -> str:
        return make_conninfo(self._url, dbname=database)

    def create(self, *, template: str = "template0") -> str:
        """Make a database, a copy of another one if named, and give its name."""
        self._made += 1
        name = f"switchboard_test_{self._run}_{self._made}"
        self._run_sql("create database {name} template {template}", name=name, template=template)
        return name

    def drop(self, database: str) -> None:
        """Remove a database together with the connections that are still in it."""
        self._run_sql("drop database if exists {name} with (force)", name=database)

    def _run_sql(self, text: LiteralString, **names: str) -> None:
        quoted = {key: sql.Identifier(name) for key, name in names.items()}
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(sql.SQL(text).format(**quoted))


@contextmanager
def server_folder() -> Iterator[Path]:
    """Give a folder for a cluster, gone afterwards.

    Not pytest's tmp_path: as root the server runs as another user, and every start of pytest closes the folder above
    all of its temporary folders to others.
    """
    with TemporaryDirectory(prefix="switchboard-pg-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "postgres"


@contextmanager
def running_server(url: str | None) -> Iterator[PostgresServer]:
    """Give the server by URL, or an embedded one that is gone afterwards."""
    if url:
        yield PostgresServer(url=url)
        return
    with server_folder() as folder, EmbeddedPostgres(folder=folder, settings=TEST_SETTINGS) as embedded:
        yield PostgresServer(url=embedded.url("postgres"), embedded=embedded)


def migrated_template(server: PostgresServer) -> str:
    """Make a database with every room's schema, to be copied by each test."""
    name = server.create()
    migrate(server.url(name), components())
    return name


def query(conninfo: str, text: str, *parameters: object) -> list[tuple[object, ...]]:
    """Run one statement in a connection of its own and give its rows; for tests that look behind the code."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(text, parameters or None)
        return cursor.fetchall() if cursor.description else []
