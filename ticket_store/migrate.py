"""Schema migrations: `NNNN_what.sql` files of one folder a component, applied in order, one transaction each.

Files only ever get added. An applied file that changed, vanished between others, or came late stops everything with a
clear error, because nobody could say what the schema is.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from ticket_store.statements import statement

Component = tuple[str, Path]
"""Name of a part of the schema, and the folder of its migrations."""

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


class MigrationError(Exception):
    """The migrations and the database do not fit; the message says which and what to do."""


class State(StrEnum):
    """How the database's schema stands to this program's."""

    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file: `component` and `version` identify it, `checksum` is the sha256 of its text with LF line ends."""

    component: str
    version: int
    name: str
    checksum: str
    text: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        """Give it as it is called in messages: `store 0001_initial`."""
        return f"{self.component} {self.version:04}_{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """`pending` are not applied yet; `unknown` were applied by a newer program."""

    pending: tuple[Migration, ...] = ()
    unknown: tuple[Migration, ...] = ()

    @property
    def state(self) -> State:
        """Newer when anything is unknown, else older when anything is pending."""
        if self.unknown:
            return State.NEWER
        return State.OLDER if self.pending else State.CURRENT


def migrate(conninfo: str, components: Sequence[Component]) -> list[Migration]:
    """Apply what is pending and give it; concurrent callers wait for one another.

    Raises `MigrationError`, also for a schema that is newer than this program.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement("migrate", "lock"))
        connection.execute(statement("migrate", "create_table"))
        found = _compare(_read(components), _applied(connection))
        if found.unknown:
            raise MigrationError(f"the database is newer ({_listed(found.unknown)}): use a newer Switchboard")
        for migration in found.pending:
            _apply(connection, migration)
        return list(found.pending)


def schema_state(conninfo: str, components: Sequence[Component]) -> SchemaState:
    """Compare without changing anything. Raises `MigrationError` when an applied file was changed."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        exists = connection.execute(statement("migrate", "table_exists")).fetchone()
        return _compare(_read(components), _applied(connection) if exists == (True,) else [])


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.text)
            connection.execute(
                statement("migrate", "record"),
                {name: getattr(migration, name) for name in ("component", "version", "name", "checksum")},
            )
    except psycopg.Error as error:
        raise MigrationError(f"{migration} failed and changed nothing: {error}") from error


def _applied(connection: psycopg.Connection) -> list[Migration]:
    cursor = connection.cursor(row_factory=dict_row)
    return [Migration(**row) for row in cursor.execute(statement("migrate", "applied"))]


def _read(components: Iterable[Component]) -> list[Migration]:
    return [migration for component, folder in components for migration in _folder(component, folder)]


def _folder(component: str, folder: Path) -> list[Migration]:
    found = [_file(component, path) for path in sorted(folder.glob("*.sql"))]
    if not found:
        raise MigrationError(f"no migrations of {component} in {folder}: the installation is incomplete")
    for one, other in pairwise(found):
        if one.version == other.version:
            raise MigrationError(f"{one} and {other} have the same number: rename one")
    return found


def _file(component: str, path: Path) -> Migration:
    parts = _FILE.fullmatch(path.name)
    if parts is None:
        raise MigrationError(f"{path} is not named like 0001_what.sql: rename it")
    text = "\n".join(path.read_text(encoding="utf-8").splitlines())
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return Migration(component=component, version=int(parts[1]), name=parts[2], checksum=checksum, text=text)


def _compare(files: Sequence[Migration], applied: Sequence[Migration]) -> SchemaState:
    known = {(item.component, item.version): item for item in files}
    done = {(item.component, item.version): item for item in applied}
    last = {item.component: item.version for item in applied}
    for place in known.keys() & done.keys():
        _check_unchanged(known[place], done[place])
    pending = tuple(item for place, item in known.items() if place not in done)
    for item in pending:
        if item.version < last.get(item.component, 0):
            raise MigrationError(f"{item} came after a later one was applied: give it a new number")
    components = {component for component, _ in known}
    unknown = tuple(item for place, item in done.items() if place not in known and item.component in components)
    return SchemaState(pending=pending, unknown=unknown)


def _check_unchanged(file: Migration, applied: Migration) -> None:
    if file.checksum != applied.checksum:
        raise MigrationError(f"{applied} was changed after it had been applied: restore it, and add a new file")


def _listed(migrations: Iterable[Migration]) -> str:
    return ", ".join(map(str, migrations))
