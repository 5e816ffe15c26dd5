"""Cuts the power of a stage: everything ends at one moment, and only what was synced is there when it starts again."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import psycopg
import pytest
from fault_disk import CALLS, Disk
from fault_stage import Stage

ATTACH_SECONDS: Final = 20.0


def needs_strace() -> None:
    """Leave the test out where there is no strace, or where nobody may trace."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt-get install strace (or run `make test`)")


class Traced:
    """A stage whose intake and server are traced."""

    def __init__(self, stage: Stage, disk: Disk, log: Path, tracer: "subprocess.Popen[bytes]") -> None:
        self._stage = stage
        self._log = log
        self._tracer = tracer
        self.disk = disk

    def processes(self) -> list[psutil.Process]:
        """Give everybody who writes: the server first, so that nothing is confirmed after it has stopped."""
        first = psutil.Process(self._stage.postgres.pid)
        supervisor = psutil.Process(self._stage.daemon.pid)
        return [first, *first.children(recursive=True), *supervisor.children(recursive=True), supervisor]

    def end(self) -> None:
        """Let the tracer go, and read what it wrote."""
        with suppress(ProcessLookupError):
            self._tracer.send_signal(signal.SIGINT)
        self._tracer.wait(ATTACH_SECONDS)
        with self._log.open(encoding="utf-8", errors="replace") as lines:
            self.disk.follow(lines)

    def cut_power(self) -> list[str]:
        """End everything at once, leave in its folder what the disk has, and give names of what lost something."""
        stopped = self.processes()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in stopped:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
        self._stage.daemon.kill()
        psutil.wait_procs(stopped, timeout=ATTACH_SECONDS)
        self.end()
        var = self._stage.folder / "var"
        kept = self._stage.folder / "kept"
        subprocess.run(["cp", "-a", str(var), str(kept)], check=True)
        lost = self.disk.lose(kept)
        shutil.rmtree(var)
        kept.rename(var)
        return lost


@contextmanager
def traced(stage: Stage) -> Iterator[Traced]:
    """Trace intake and server of a stage; everything that is there before is on the disk."""
    with psycopg.connect(stage.postgres.url(), autocommit=True) as connection:
        connection.execute("checkpoint")
    var = stage.folder / "var"
    disk = Disk(folder=var, cwd=var / "postgres/data")
    log = stage.folder / f"trace-{time.monotonic_ns()}"
    first = psutil.Process(stage.postgres.pid)
    pids = [process.pid for process in (first, *first.children(recursive=True))]
    pids.append(stage.daemon.living_child("ingest").pid)
    command = ["strace", "-f", "-q", "-y", "-s", "0", "-e", f"trace={CALLS}", "-o", str(log)]
    command += [part for pid in pids for part in ("-p", str(pid))]
    disk.begin()
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    made = Traced(stage, disk, log, tracer)
    try:
        _wait_attached(pids)
        yield made
    finally:
        tracer.kill()
        tracer.wait()


def _wait_attached(pids: list[int]) -> None:
    give_up = time.monotonic() + ATTACH_SECONDS
    while not all(_is_traced(pid) for pid in pids):
        assert time.monotonic() < give_up, "strace does not attach: may this user trace other processes?"
        time.sleep(0.02)


def _is_traced(pid: int) -> bool:
    """Whether every thread of a process has a tracer, or the process has gone."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        texts = [(thread / "status").read_text(encoding="utf-8") for thread in threads]
    except OSError:
        return True
    return all("TracerPid:\t0\n" not in text for text in texts)
