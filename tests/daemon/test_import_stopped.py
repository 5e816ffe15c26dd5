"""Ctrl-C while files are imported: what is in flight is finished, nothing alarms, and the next run brings the rest."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from running_daemon import COMMAND, RunningDaemon, running_daemon

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
MAILS = 3000


def old_mails(folder: Path) -> Path:
    folder.mkdir()
    for number in range(MAILS):
        head = f"From: c{number}@x.example\nTo: support@example.org\nMessage-ID: <old-{number}@x.example>\n"
        (folder / f"{number:04}.eml").write_text(f"{head}Subject: {number}\n\nhello {number}\n")
    return folder


def stopped_import(daemon: RunningDaemon, folder: Path) -> "subprocess.Popen[str]":
    """Start an import, wait until mail arrives, press Ctrl-C."""
    command = [*COMMAND, "import", str(folder)]
    started = subprocess.Popen(
        command, cwd=daemon.folder, env=daemon.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not daemon.json("ledger")["accepted"] and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(started.pid, signal.SIGINT)
    return started


def test_a_stopped_import_ends_quietly_and_the_next_one_brings_the_rest() -> None:
    with running_daemon() as daemon:
        folder = old_mails(daemon.folder / "old")
        stopped = stopped_import(daemon, folder)
        _, said = stopped.communicate(timeout=30)
        assert stopped.returncode == 130
        assert "run the same command again" in said
        assert len(said.splitlines()) == 1, said
        part = daemon.json("ledger")["accepted"]
        assert 0 < part < MAILS
        assert daemon.json("import", str(folder))["accepted"] == MAILS
        whole = daemon.settle(part + MAILS)
        assert (whole["ticketed"], whole["duplicates"], whole["balanced"]) == (MAILS, part, True)
