"""A daemon that waits for PostgreSQL, which may take minutes after a power loss, goes when it is told to twice."""

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from running_daemon import COMMAND, RunningDaemon

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def test_a_second_signal_ends_a_daemon_whose_postgres_has_not_started(tmp_path: Path) -> None:
    daemon = RunningDaemon(folder=tmp_path)
    turn = tmp_path / "var" / "postgres" / "lock"
    turn.parent.mkdir(parents=True)
    with turn.open("w") as held, (tmp_path / "daemon.log").open("wb") as log:
        os.fchmod(held.fileno(), 0o666)
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen(
            [*COMMAND, "run"], cwd=tmp_path, env=daemon.environment, stdout=log, stderr=log
        ) as process:
            children = waiting_children(process.pid)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert process.poll() is None, "one signal waits for PostgreSQL"
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 1
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


def waiting_children(pid: int) -> list[psutil.Process]:
    """Wait until the supervisor has forked and listens to signals: then its HTTP port is open."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        process = psutil.Process(pid)
        if any(connection.status == psutil.CONN_LISTEN for connection in process.net_connections()):
            return list(process.children())
        time.sleep(0.1)
    raise AssertionError("the daemon does not listen")
