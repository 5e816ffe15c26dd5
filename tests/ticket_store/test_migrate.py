"""Migrations are applied once, in order, whole, and never silently changed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from postgres_server import components, query

from ticket_store.migrate import MigrationError, State, migrate, schema_state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "0001_initial.sql").write_text("create table one (id int);\ninsert into one values (1);\n")
    (made / "0002_more.sql").write_text("create table two (id int);\n")
    return made


def test_what_is_pending_is_applied_in_order_and_once(empty_database: str, folder: Path) -> None:
    done = migrate(empty_database, [("store", folder)])
    assert [str(migration) for migration in done] == ["store 0001_initial", "store 0002_more"]
    assert migrate(empty_database, [("store", folder)]) == []
    assert query(empty_database, "select id from one") == [(1,)]


def test_components_have_their_own_numbers(empty_database: str, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "0001_initial.sql").write_text("create table three (id int)")
    migrate(empty_database, [("store", folder)])
    assert [str(item) for item in migrate(empty_database, [("store", folder), ("bus", other)])] == ["bus 0001_initial"]


def test_every_rooms_migrations_apply_together(empty_database: str) -> None:
    migrate(empty_database, components())
    assert schema_state(empty_database, components()).state is State.CURRENT


def test_the_numbers_of_every_room_have_no_gaps() -> None:
    """A gap invites a late file, which every store that runs a later one refuses."""
    for room, where in components():
        numbers = [int(path.name[:4]) for path in sorted(where.glob("*.sql"))]
        assert numbers == list(range(1, len(numbers) + 1)), room


def test_looking_at_the_state_changes_nothing(empty_database: str, folder: Path) -> None:
    state = schema_state(empty_database, [("store", folder)])
    assert state.state is State.OLDER
    assert [item.version for item in state.pending] == [1, 2]
    assert query(empty_database, "select to_regclass('schema_migrations')") == [(None,)]


def test_an_older_schema_says_what_is_missing(empty_database: str, folder: Path) -> None:
    migrate(empty_database, [("store", folder)])
    assert schema_state(empty_database, [("store", folder)]).state is State.CURRENT
    (folder / "0003_new.sql").write_text("select 1")
    state = schema_state(empty_database, [("store", folder)])
    assert (state.state, [str(item) for item in state.pending]) == (State.OLDER, ["store 0003_new"])


def test_a_newer_schema_is_recognised_and_refused(empty_database: str, folder: Path) -> None:
    migrate(empty_database, [("store", folder)])
    (folder / "0002_more.sql").unlink()
    state = schema_state(empty_database, [("store", folder)])
    assert (state.state, [str(item) for item in state.unknown]) == (State.NEWER, ["store 0002_more"])
    with pytest.raises(MigrationError, match="newer"):
        migrate(empty_database, [("store", folder)])


def test_a_failed_migration_changes_nothing_and_names_itself(empty_database: str, folder: Path) -> None:
    (folder / "0003_broken.sql").write_text("create table half (id int); select no_such_function();")
    with pytest.raises(MigrationError, match="store 0003_broken failed and changed nothing"):
        migrate(empty_database, [("store", folder)])
    assert query(empty_database, "select to_regclass('half'), to_regclass('two')") == [(None, "two")]
    (folder / "0003_broken.sql").write_text("create table half (id int)")
    assert [item.version for item in migrate(empty_database, [("store", folder)])] == [3]


def test_an_applied_file_that_was_changed_is_an_error(empty_database: str, folder: Path) -> None:
    migrate(empty_database, [("store", folder)])
    (folder / "0001_initial.sql").write_text("create table one (id bigint);\n")
    for call in (migrate, schema_state):
        with pytest.raises(MigrationError, match="store 0001_initial was changed after it had been applied"):
            call(empty_database, [("store", folder)])


def test_line_ends_are_no_change(empty_database: str, folder: Path) -> None:
    migrate(empty_database, [("store", folder)])
    path = folder / "0001_initial.sql"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert schema_state(empty_database, [("store", folder)]).state is State.CURRENT


def test_a_file_that_came_late_must_be_renamed(empty_database: str, folder: Path) -> None:
    (folder / "0001_initial.sql").rename(folder / "0003_initial.sql")
    migrate(empty_database, [("store", folder)])
    (folder / "0001_late.sql").write_text("select 1")
    with pytest.raises(MigrationError, match="store 0001_late came after a later one was applied"):
        migrate(empty_database, [("store", folder)])


@pytest.mark.parametrize(
    ("name", "problem"), [("0002_again.sql", "have the same number"), ("3_short.sql", "not named like")]
)
def test_a_badly_named_file_is_an_error(empty_database: str, folder: Path, name: str, problem: str) -> None:
    (folder / name).write_text("select 1")
    with pytest.raises(MigrationError, match=problem):
        migrate(empty_database, [("store", folder)])


def test_an_empty_folder_is_an_incomplete_installation(empty_database: str, tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="incomplete"):
        migrate(empty_database, [("store", tmp_path)])


def test_many_processes_migrate_at_once_and_one_does_it(empty_database: str, folder: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: migrate(empty_database, [("store", folder)]), range(6)))
    assert sorted(map(len, done)) == [0, 0, 0, 0, 0, 2]
    assert query(empty_database, "select count(*) from one") == [(1,)]
