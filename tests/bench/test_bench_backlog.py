"""An hour without a router, in small: nothing is missing, and order is looked at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from house_tree import ROOT

from bench.backlog import parse


def test_a_quick_run_takes_a_thousand_mails() -> None:
    assert parse(["--quick"]).mails == 1_000
    assert parse([]).mails == 100_000


@pytest.mark.slow
@pytest.mark.postgres
def test_a_router_that_was_away_catches_up_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "bench/backlog.py", "--mails", "40"]
    environment = {**os.environ, "BENCH_OUT": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "nothing is missing" in done.stdout
