"""The embedded PostgreSQL: one server in one folder, shared by every process that names the folder.

    folder         closed to others; as root the server's user may pass through it
    folder/data    the cluster, mode 0700, owned by the user that runs the server; the socket is in it
    folder/lock    held while a process starts or stops the server
    folder/users   locked (shared) by every process that uses the server: the last one to stop() stops it

Who stops it: the supervisor and the command line call `start()` and `stop()`; worker processes only get the URL. A
command that runs beside the daemon leaves the server running, one that runs alone takes it down again. Killed with -9,
a process loses its lock and leaves the server running; the next start adopts it.
"""

import pwd
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ticket_store import embedded_cluster as cluster
from ticket_store import embedded_system as system
from ticket_store.embedded_system import EmbeddedPostgresError
from ticket_store.statements import statement

__all__ = ["DATABASE", "EmbeddedPostgres", "EmbeddedPostgresError"]

DATABASE = "switchboard"
_PAUSE = 0.05
_STILL_DYING = ("shared memory block", "already exists")
"""What a start says while processes of a killed server are still going; trying again helps."""


class EmbeddedPostgres:
    """A handle on the server in `folder`. Its calls block: give them a thread where a loop runs.

    `settings` are PostgreSQL settings beyond those of `embedded.conf`, taken by whoever starts the server.
    `patience` bounds a start, in seconds: crash recovery after a power loss can take minutes.
    """

    def __init__(self, *, folder: Path, settings: Mapping[str, str] | None = None, patience: float = 300) -> None:
        self._folder = folder.absolute()
        self._data = self._folder / "data"
        self._settings = dict(settings or {})
        self._patience = patience
        self._use: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Number of the server's process; None while it does not run."""
        found = cluster.postmaster(self._data)
        return found.pid if found and system.is_postgres(found.pid) else None

    def url(self, database: str = DATABASE) -> str:
        """Give the connection string of one database; `EmbeddedPostgresError` when the server was never started."""
        found = cluster.postmaster(self._data)
        if found is None:
            raise EmbeddedPostgresError(f"no PostgreSQL runs in {self._folder}: start the daemon first")
        return make_conninfo(host=str(found.socket_folder), port=5432, user=cluster.SUPERUSER, dbname=database)

    def start(self) -> None:
        """Adopt the running server or start it; make the cluster and the database on first use."""
        with self._turn():
            if self._use is None:
                self._use = system.shared(self._folder / "users")
            try:
                self._ensure_running()
            except BaseException:
                self._let_go()
                raise

    def stop(self) -> None:
        """Let go of the server, and stop it when no other process uses it. Calling it again does nothing."""
        if self._use is None:
            return
        with self._turn():
            self._let_go()
            if self.pid is not None and system.is_free(self._folder / "users"):
                self._control("stop", "-m", "fast", "-t", "60")
                cluster.remove_socket_folder(self._data)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Be the only process that starts or stops the server."""
        try:
            self._make_folders()
            with system.exclusive(self._folder / "lock"):
                yield
        except PermissionError as error:
            raise EmbeddedPostgresError(
                f"{error.filename or self._folder} belongs to another user: run as the user that owns {self._folder}"
            ) from error

    def _make_folders(self) -> None:
        """Make our folder, closed to others; the one above is the daemon's own and made closed as well."""
        above = self._folder.parent
        if not above.exists():
            above.parent.mkdir(parents=True, exist_ok=True)
            above.mkdir(mode=0o700, exist_ok=True)
        system.make_private(self._folder, system.server_user(self._data))

    def _let_go(self) -> None:
        if self._use is not None:
            self._use.close()
            self._use = None

    def _ensure_running(self) -> None:
        user = system.server_user(self._data)
        if user is not None:
            system.let_through(self._folder, user)
            system.open_programs(user)
        if not (self._data / "PG_VERSION").exists():
            cluster.create_cluster(self._data, user=user, patience=self._patience)
        deadline = time.monotonic() + self._patience
        while not self._answers():
            self._bring_up(user, deadline)
        self._ensure_database()

    def _answers(self) -> bool:
        if self.pid is None:
            return False
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=10).close()
        except psycopg.OperationalError:
            return False  # starting, recovering or stopping
        return True

    def _bring_up(self, user: pwd.struct_passwd | None, deadline: float) -> None:
        """Start the server, or wait for one that is starting, recovering or stopping."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise EmbeddedPostgresError(f"PostgreSQL in {self._folder} is not ready after {self._patience:g} s")
        if self.pid is not None:
            time.sleep(_PAUSE)
            return
        cluster.clear_stale_locks(self._data)
        cluster.write_settings(self._data, user=user, settings=self._settings)
        self._launch(left)

    def _launch(self, left: float) -> None:
        log = self._data / "start.log"
        log.unlink(missing_ok=True)
        failed = self._control("start", "-l", str(log), "-t", str(max(1, int(left))), check=False)
        if not failed or self.pid is not None:
            return
        said = cluster.last_words(self._data) or failed
        if not any(sign in said for sign in _STILL_DYING):
            raise EmbeddedPostgresError(f"PostgreSQL does not start in {self._folder}: {said}")
        time.sleep(_PAUSE)

    def _control(self, verb: str, *options: str, check: bool = True) -> str:
        """Run `pg_ctl` and wait; give what it said when it failed, or raise if `check`."""
        command = (str(system.programs() / "pg_ctl"), "-w", "-s", "-D", str(self._data), *options, verb)
        done = system.run(command, user=system.server_user(self._data), timeout=self._patience + 60)
        if done.returncode and check:
            raise EmbeddedPostgresError(f"PostgreSQL does not {verb} in {self._folder}: {done.stderr.strip()}")
        return (done.stderr.strip() or "pg_ctl failed") if done.returncode else ""

    def _ensure_database(self) -> None:
        with closing(psycopg.connect(self.url("postgres"), autocommit=True)) as connection:
            found = connection.execute(statement("embedded", "database_exists"), {"name": DATABASE}).fetchone()
            if found == (False,):
                create = sql.SQL(statement("embedded", "create_database"))
                connection.execute(create.format(name=sql.Identifier(DATABASE)))
