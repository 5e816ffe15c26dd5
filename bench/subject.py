"""The daemon under the bench: started on a folder of its own, watched through store and metrics, and stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
from prometheus_client.parser import text_string_to_metric_families

from doubles.ports import free_port
from ticket_store.embedded import EmbeddedPostgres

START_SECONDS: Final = 300.0
STOP_SECONDS: Final = 30.0
LOOK_EVERY: Final = 0.02
"""Seconds between two looks at the router's offsets: one indexed row a partition, a ten-thousandth of a core."""
STALLED_AFTER: Final = 60.0
REPORTS_EVERY: Final = 1.5
"""Seconds after which every process of the daemon has told its metrics."""

ROLES: Final = frozenset({"ingest", "route", "lifecycle", "outbound", "console"})
ROUTED: Final = "select coalesce(sum(next_offset), 0) from consumer_offsets where consumer = 'switchboard.router'"
UNPUBLISHED: Final = "select count(*) from outbox where published_at is null"
FIRST_TRANSACTION: Final = "select extract(epoch from min(stored_at))::float8 from messages where id > "
LAST_MESSAGE: Final = "select coalesce(max(id), 0) from messages"


class BenchError(Exception):
    """The daemon did not do what the bench needs."""


@dataclass(kw_only=True)
class Subject:
    """One deployment on one folder. `settings` are `SWITCHBOARD_...` variables without the prefix."""

    folder: Path
    settings: Mapping[str, str]
    smtp_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        """The settings as the daemon and the command line read them."""
        own = {
            "DATA_DIR": str(self.folder / "data"),
            "SMTP__PORT": str(self.smtp_port),
            "HTTP__PORT": str(self.http_port),
            "API__PORT": "0",
            "WEBHOOKS__CONNECTIONS": "0",
            "LOG__LEVEL": "warning",
            **self.settings,
        }
        ours = {f"SWITCHBOARD_{key}": value for key, value in own.items()}
        return {**{key: value for key, value in os.environ.items() if not key.startswith("SWITCHBOARD_")}, **ours}

    @contextmanager
    def running(self, *roles: str) -> Iterator["Watch"]:
        """Run the daemon, all of it or some roles, until the block ends."""
        command = [sys.executable, "-m", "daemon", "run", *roles]
        with (self.folder / "daemon.log").open("ab") as log:
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=self.folder)
        try:
            self._wait_until_ready(process)
            with psycopg.connect(self.url(), autocommit=True) as connection:
                yield Watch(subject=self, pid=process.pid, connection=connection)
        finally:
            stop(process)

    def ledger(self) -> dict[str, Any]:
        """Ask the command line for the ledger."""
        command = [sys.executable, "-m", "daemon", "ledger", "--json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if not done.stdout:
            raise BenchError(f"the ledger says nothing: {done.stderr[-500:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def url(self) -> str:
        """Give the connection string of the store, while it runs."""
        return self.settings.get("STORE__URL") or EmbeddedPostgres(folder=self.folder / "data" / "postgres").url()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if self._answers():
                return
            time.sleep(0.1)
        words = (self.folder / "daemon.log").read_text(errors="replace")[-1000:]
        raise BenchError(f"the daemon is not ready:\n{words}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@dataclass(kw_only=True)
class Watch:
    """Looks at a running daemon: what is routed, what each phase took, and who used the processors."""

    subject: Subject
    pid: int
    connection: psycopg.Connection[tuple[Any, ...]]

    def routed(self) -> int:
        """Count the records that routing has committed."""
        return int(self._value(ROUTED))

    def wait_until_routed(self, count: int) -> None:
        """Return at the commit of the record that makes the count full; raise when nothing moves for a minute."""
        seen, moved = -1, time.monotonic()
        while (now := self.routed()) < count:
            if now != seen:
                seen, moved = now, time.monotonic()
            if time.monotonic() - moved > STALLED_AFTER:
                raise BenchError(f"routing stands at {now} of {count} records")
            time.sleep(LOOK_EVERY)

    def wait_until_published(self) -> None:
        """Return when the relay has taken every event to the topic; raise when nothing moves for a minute."""
        seen, moved = -1, time.monotonic()
        while left := int(self._value(UNPUBLISHED)):
            if left != seen:
                seen, moved = left, time.monotonic()
            if time.monotonic() - moved > STALLED_AFTER:
                raise BenchError(f"{left} events are not published")
            time.sleep(LOOK_EVERY)

    def last_message(self) -> int:
        """Give the store's number of the latest message."""
        return int(self._value(LAST_MESSAGE))

    def first_transaction(self, after: int = 0) -> float:
        """Give the time at which the router's first transaction after this message began, in seconds since 1970."""
        return self._value(f"{FIRST_TRANSACTION}{after}")

    def phases(self) -> dict[str, float]:
        """Read the seconds that each phase took so far, by its name, once the processes have reported."""
        time.sleep(REPORTS_EVERY)
        url = f"http://127.0.0.1:{self.subject.http_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        found: dict[str, float] = defaultdict(float)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.endswith("_seconds_sum"):
                    labels = [value for key, value in sorted(sample.labels.items()) if key != "process"]
                    name = sample.name.removeprefix("switchboard_").removesuffix("_seconds_sum")
                    found[" ".join([name, *labels])] += sample.value
        return found

    def processor(self) -> dict[str, float]:
        """Read the processor seconds used so far: the daemon's processes by role, and PostgreSQL as one."""
        found: dict[str, float] = defaultdict(float)
        supervisor = psutil.Process(self.pid)
        for process in [supervisor, *supervisor.children(recursive=True)]:
            found[role_of(process)] += seconds_of(process)
        postmaster = EmbeddedPostgres(folder=self.subject.folder / "data" / "postgres").pid
        if postmaster is not None:
            found["postgresql"] = server_seconds(psutil.Process(postmaster))
        return found

    def _value(self, query: str) -> float:
        row = self.connection.execute(query.encode()).fetchone()
        return float(row[0]) if row is not None else 0.0


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Give what grew between two readings: what a run took."""
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return {name: value for name, value in grown.items() if value > 0}


def role_of(process: psutil.Process) -> str:
    """Name a process of the daemon by the role on its command line."""
    words = " ".join(process.cmdline()).split()  # a forked process shows one string
    return next(
        (word for word in words if word in {"ingest", "route", "lifecycle", "outbound", "console"}), "supervisor"
    )


def seconds_of(process: psutil.Process) -> float:
    """Give the processor seconds of one process."""
    times = process.cpu_times()
    return float(times.user + times.system)


def server_seconds(postmaster: psutil.Process) -> float:
    """Give the processor seconds of a PostgreSQL server, with those of its backends that have ended."""
    times = postmaster.cpu_times()
    ended = float(times.children_user + times.children_system)
    return ended + seconds_of(postmaster) + sum(seconds_of(child) for child in postmaster.children(recursive=True))


@contextmanager
def deployment(settings: Mapping[str, str]) -> Iterator[Subject]:
    """Give a deployment on a fresh folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sb-"))  # short: a socket's path must stay under 108 bytes
    try:
        yield Subject(folder=folder, settings=settings)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop the daemon as an operator would; kill it when it does not listen."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
