"""A daemon as its users run it: `switchboard run` in a process of its own, on free ports, in a folder of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psutil
from forked_cli import commands
from ready_cluster import lay_ready_cluster

from doubles.ports import free_port

START_SECONDS = 180
STOP_SECONDS = 15
COMMAND = (sys.executable, "-m", "daemon")


def own_environment() -> dict[str, str]:
    """Give the environment of this process without settings, and without the width of a terminal that is not ours."""
    left_out = ("SWITCHBOARD_", "COLUMNS", "LINES")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


class RunningDaemon:
    """Settings go in as environment variables; `cli` runs a command beside it with the same ones."""

    def __init__(
        self,
        *,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        role: str = "all",
        command: Sequence[str] = COMMAND,
        options: Sequence[str] = (),
        ports: tuple[int, int, int] | None = None,
        other_code: bool = False,
    ) -> None:
        """`other_code`: what runs is not this checkout, so that every command needs an interpreter of its own."""
        self.folder = folder
        self._other_code = other_code
        self._run = (*command, "run", role, *options)
        self.smtp_port, self.api_port, self.http_port = ports or (free_port(), free_port(), free_port())
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **own_environment(),
            "SWITCHBOARD_DATA_DIR": str(folder / "var"),
            "SWITCHBOARD_SMTP__PORT": str(self.smtp_port),
            "SWITCHBOARD_HTTP__PORT": str(self.http_port),
            "SWITCHBOARD_API__PORT": "0",
            "SWITCHBOARD_WEBHOOKS__CONNECTIONS": "0",
            "SWITCHBOARD_LOG__FORMAT": "json",
            **(settings or {}),
        }

    @property
    def log(self) -> str:
        """What it has said so far."""
        path = self.folder / "daemon.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        """The supervisor's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether it was launched and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it and wait until it is ready."""
        self.launch()
        self.wait_ready()
        return self

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        with (self.folder / "daemon.log").open("ab") as log:
            self._process = subprocess.Popen(self._run, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    def wait_ready(self) -> None:
        """Wait until it is ready."""
        self.wait_until(self.is_ready, seconds=START_SECONDS, what="ready")

    def is_ready(self) -> bool:
        """Whether `/readyz` is green."""
        assert self._process is not None
        assert self._process.poll() is None, f"the daemon ended: {self.log[-3000:]}"
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=5) as answer:
                return int(answer.status) == 200
        except (URLError, OSError):
            return False

    def get(self, path: str) -> str:
        """The body of a page of its HTTP port, whatever its status."""
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            return str(error.read().decode())

    def wait_until(self, true: Callable[[], bool], *, seconds: float, what: str, every: float = 0.1) -> None:
        """Look until it is true."""
        give_up = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < give_up, f"not {what} after {seconds} s; the log ends: {self.log[-3000:]}"
            time.sleep(every)

    def child(self, name: str) -> psutil.Process | None:
        """The process of one role (`ingest`, `route`), or None between two lives."""
        for process in psutil.Process(self.pid).children():
            try:
                if name in " ".join(process.cmdline()).split():  # a forked child shows one string
                    return process
            except psutil.Error:
                continue
        return None

    def living_child(self, name: str) -> psutil.Process:
        """Wait for the process of one role, and give it."""
        found: list[psutil.Process | None] = [None]

        def lives() -> bool:
            found[0] = self.child(name)
            return found[0] is not None

        self.wait_until(lives, seconds=60, what=f"running {name}")
        assert found[0] is not None
        return found[0]

    def kill_child(self, name: str) -> None:
        """Kill the process of one role with SIGKILL, as soon as there is one."""
        self.living_child(name).kill()

    def kill_postgres(self) -> None:
        """Kill the embedded PostgreSQL's first process with SIGKILL; its backends go by themselves."""
        pid = int((self.folder / "var/postgres/data/postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command beside the daemon."""
        done = None if self._other_code else commands().run(arguments, cwd=self.folder, env=self.environment)
        if done is None:
            done = subprocess.run(
                [*COMMAND, *arguments],
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
        assert not check or done.returncode == 0, f"{arguments}: exit {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        """Run a listing with `--json`, and give what it printed."""
        return json.loads(self.cli(*arguments, "--json", check=False).stdout)

    def settle(self, accepted: int, *, seconds: float = 120) -> dict[str, Any]:
        """Wait until at least so many records were accepted and all are routed; give the ledger."""
        found: dict[str, Any] = {}

        def settled() -> bool:
            found.clear()
            found.update(self.json("ledger"))
            return bool(found["accepted"] >= accepted and found["in_flight"] == 0)

        self.wait_until(settled, seconds=seconds, what=f"settled with {accepted} accepted", every=0.5)
        return found

    def stop(self) -> int:
        """Ask it to stop, and give its exit code; it is killed when it does not go."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def kill(self) -> None:
        """Kill the supervisor with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@contextmanager
def running_daemon(
    settings: Mapping[str, str] | None = None, *, role: str = "all", first_start: bool = False
) -> Iterator[RunningDaemon]:
    """Give a started daemon, and take it down with all it left; `first_start`: nothing at all is there before."""
    folder = Path(mkdtemp(prefix="switchboard-test-", dir="/tmp"))
    folder.chmod(0o755)  # the user that runs the embedded server passes through
    daemon = RunningDaemon(folder=folder, settings=settings, role=role)
    if not first_start:
        lay_ready_cluster(folder / "var")
    try:
        yield daemon.start()
        daemon.stop()
    finally:
        remove(daemon)


def remove(daemon: RunningDaemon) -> None:
    """Leave no process behind, whatever the test did to them."""
    with suppress(AssertionError):
        daemon.kill()
    with suppress(OSError, ValueError):
        daemon.kill_postgres()
    shutil.rmtree(daemon.folder, ignore_errors=True)
