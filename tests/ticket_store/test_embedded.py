"""The embedded PostgreSQL: started once, shared, adopted after a kill, stopped by the last that uses it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_server import ROOT, TEST_SETTINGS, query, server_folder

from ticket_store import embedded_system
from ticket_store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from ticket_store.embedded_cluster import MAX_SOCKET_PATH

pytestmark = pytest.mark.postgres

USER = """
import sys, time
from pathlib import Path
from ticket_store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(folder=Path(sys.argv[1]), settings={"shared_buffers": "64MB"})
server.start()
print(server.pid, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with server_folder() as made:
        yield made


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(folder=folder, settings=TEST_SETTINGS)
    yield made
    made.start()  # whatever the test left behind is taken over, so that it can be stopped
    made.stop()


def _another(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder=folder, settings=TEST_SETTINGS)


def _user(folder: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdigit()
    return process


def _shown(server: EmbeddedPostgres, *settings: str) -> list[object]:
    return [query(server.url(), f"show {name}")[0][0] for name in settings]


def test_a_first_start_makes_a_database_that_answers(server: EmbeddedPostgres) -> None:
    server.start()
    settings = [
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "listen_addresses",
        "max_connections",
        "server_encoding",
    ]
    shown = [query(server.url(), f"show {name}")[0][0] for name in settings]
    assert shown == ["on", "on", "on", "", "200", "UTF8"]
    assert query(server.url(), "select current_database()") == [("switchboard",)]
    assert query(server.url(), "show shared_buffers") == [("64MB",)]


def test_text_search_and_case_work_in_the_languages_of_our_customers(server: EmbeddedPostgres) -> None:
    server.start()
    found = query(
        server.url(),
        "select lower('ПРИВЕТ ÇÃO'), to_tsvector('russian', 'заявки') @@ plainto_tsquery('russian', 'заявка')",
    )
    assert found == [("привет ção", True)]


def test_starting_again_adopts_the_running_server(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    other = _another(folder)
    other.start()
    assert other.pid == server.pid
    other.stop()
    assert server.pid is not None
    assert query(server.url(), "select 1") == [(1,)]


def test_the_last_user_stops_the_server_and_data_stays(server: EmbeddedPostgres) -> None:
    server.start()
    query(server.url(), "create table kept as select 7 as id")
    server.stop()
    server.stop()
    assert server.pid is None
    server.start()
    assert query(server.url(), "select id from kept") == [(7,)]


def test_a_command_beside_the_daemon_leaves_the_server_running(server: EmbeddedPostgres, folder: Path) -> None:
    daemon = _user(folder)
    server.start()
    pid = server.pid
    server.stop()
    assert server.pid == pid
    daemon.communicate()
    assert daemon.returncode == 0
    assert server.pid is None


def test_a_killed_daemon_leaves_the_server_and_the_next_adopts_it(server: EmbeddedPostgres, folder: Path) -> None:
    daemon = _user(folder)
    pid = server.pid
    daemon.kill()
    daemon.communicate()
    assert server.pid == pid
    began = time.monotonic()
    server.start()
    assert server.pid == pid
    assert time.monotonic() - began < 10
    server.stop()
    assert server.pid is None


def test_many_processes_start_at_once_and_share_one_server(folder: Path, server: EmbeddedPostgres) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    pids = {process.stdout.readline() for process in processes if process.stdout is not None}
    assert len(pids) == 1
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert server.pid is None


def test_a_killed_server_comes_back_with_what_was_committed(server: EmbeddedPostgres) -> None:
    server.start()
    query(server.url(), "create table kept as select 7 as id")
    for _ in range(3):
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server.start()
    assert query(server.url(), "select id from kept") == [(7,)]


def test_a_stale_lock_that_names_another_program_is_no_server(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    data = folder / "data"
    pid_file = (data / "postmaster.pid").read_text()
    socket_lock = (data / ".s.PGSQL.5432.lock").read_text()
    server.stop()
    mine = str(os.getpid())  # a container that counts its processes anew gives the number to somebody else
    (data / "postmaster.pid").write_text(mine + pid_file[pid_file.index("\n") :])
    (data / ".s.PGSQL.5432.lock").write_text(mine + socket_lock[socket_lock.index("\n") :])
    assert server.pid is None
    server.start()
    assert query(server.url(), "select 1") == [(1,)]


def test_a_half_made_cluster_is_thrown_away(server: EmbeddedPostgres, folder: Path) -> None:
    leftover = folder / "new-killed"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18\n")
    server.start()
    assert query(server.url(), "select 1") == [(1,)]
    assert not leftover.exists()


def test_a_folder_with_a_long_path_gets_a_short_socket() -> None:
    with server_folder() as folder:
        long = folder / ("deep-" * 12) / ("deeper-" * 8)
        assert len(str(long)) > MAX_SOCKET_PATH
        with EmbeddedPostgres(folder=long, settings=TEST_SETTINGS) as server:
            assert query(server.url(), "select 1") == [(1,)]
            place = Path(psycopg.conninfo.conninfo_to_dict(server.url())["host"])  # type: ignore[arg-type] # a string
            assert place.stat().st_mode & 0o077 == 0
        assert not place.exists()


def test_a_setting_that_postgresql_refuses_is_named(folder: Path) -> None:
    broken = EmbeddedPostgres(folder=folder, settings={"shared_buffers": "many"})
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        broken.start()
    with EmbeddedPostgres(folder=folder, settings=TEST_SETTINGS) as mended:
        assert mended.pid is not None


def test_the_url_of_a_server_that_never_ran_says_start(folder: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="start the daemon"):
        _another(folder).url()


def test_the_data_is_closed_to_other_users(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    assert (folder / "data").stat().st_mode & 0o077 == 0


def test_the_server_logs_no_statement_of_ours(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    query(server.url(), "create table short (text varchar(3) unique)")
    query(server.url(), "insert into short values ('abc')")
    for text in ("insert into short values ('a secret that is too long')", "insert into short values ('abc')"):
        with pytest.raises(psycopg.Error):
            query(server.url(), text)
    said = "".join(path.read_text() for path in (folder / "data" / "log").glob("*.log"))
    assert "value too long" in said
    assert "secret" not in said
    assert "abc" not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_that_is_not_root_runs_it_in_a_folder_of_its_own() -> None:
    with server_folder() as folder:
        user = embedded_system.server_user(folder)
        assert user is not None
        folder.mkdir()
        embedded_system.let_through(folder, user)
        os.chown(folder, user.pw_uid, user.pw_gid)
        become = f"import os; os.setgroups([]); os.setgid({user.pw_gid}); os.setuid({user.pw_uid})"
        script = USER.replace("server = ", f"{become}\nserver = ", 1)
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().isdigit()


@pytest.mark.skipif(os.geteuid() != 0, reason="as any other user there is only one user")
def test_root_runs_it_as_the_owner_of_the_folder(folder: Path) -> None:
    user = embedded_system.server_user(folder)
    assert user is not None
    folder.mkdir()
    os.chown(folder, user.pw_uid, user.pw_gid)
    with _another(folder) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == user.pw_uid
        assert (folder / "data").stat().st_uid == user.pw_uid
