"""The bench runs against a real daemon, and says what it measured. No figure is asserted: machines differ."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from house_tree import ROOT

from bench.run import parse
from bench.subject import since


@pytest.mark.slow
@pytest.mark.postgres
def test_a_small_bench_measures_whole_runs_and_the_router_alone(tmp_path: Path) -> None:
    command = [sys.executable, "bench/run.py", "--mails", "40", "--runs", "1", "--engines", "postgres"]
    environment = {**os.environ, "BENCH_OUT": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for name in ("stock sink", "to the last ticket", "to the last 250", "router alone", "ingest", "batch_phase decide"):
        assert f"{name} " in done.stdout


def test_an_engine_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--engines", "postgres,rabbit"])
    assert "there is no engine rabbit" in capsys.readouterr().err


def test_what_a_run_took_is_what_grew_between_two_readings() -> None:
    before, after = {"decide": 1.0, "idle": 2.0}, {"decide": 1.5, "idle": 2.0, "write": 3.0}
    assert since(before, after) == {"decide": 0.5, "write": 3.0}
