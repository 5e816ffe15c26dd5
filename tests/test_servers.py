"""What happens where a server suite cannot have its server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from house_tree import ROOT
from servers import MISSING, REQUIRED_VARIABLE, one_line, server_missing


@pytest.mark.parametrize("required", ["", "0"])
def test_a_missing_server_skips_its_suite(monkeypatch: pytest.MonkeyPatch, required: str) -> None:
    monkeypatch.setenv(REQUIRED_VARIABLE, required)
    with pytest.raises(pytest.skip.Exception, match=MISSING):
        server_missing("install it")


def test_a_missing_server_fails_where_servers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED_VARIABLE, "1")
    with pytest.raises(pytest.fail.Exception, match="install it"):
        server_missing("install it")


def test_all_skips_for_one_missing_server_have_one_place_and_others_keep_theirs() -> None:
    missing = [one_line((f"test_{n}.py", n, f"Skipped: {MISSING}: no Kafka")) for n in range(3)]
    assert len(set(missing)) == 1
    assert one_line(("test_a.py", 7, "Skipped: no corpus")) == ("test_a.py", 7, "Skipped: no corpus")


@pytest.fixture
def bare_machine(tmp_path: Path) -> dict[str, str]:
    """A machine with neither Java nor Maven, and a user who is not root."""
    for program in ("bash", "sed", "head"):
        (tmp_path / program).symlink_to(shutil.which(program) or program)
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    return {**kept, "PATH": str(tmp_path)}


def prepared(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    bash = str(Path(environment["PATH"]) / "bash")
    script = str(ROOT / "tests" / "servers.sh")
    return subprocess.run([bash, script], env=environment, capture_output=True, text=True, check=False)


def test_who_is_not_root_is_told_the_one_command_and_goes_on_without(bare_machine: dict[str, str]) -> None:
    done = prepared(bare_machine)
    assert done.returncode == 0, done.stderr
    assert "sudo sh -c 'apt-get update && apt-get install -y" in done.stdout
    assert "default-jre-headless maven" in done.stdout


def test_a_machine_without_the_programs_is_a_failure_where_servers_are_required(bare_machine: dict[str, str]) -> None:
    assert prepared({**bare_machine, REQUIRED_VARIABLE: "1"}).returncode == 1


def test_nothing_is_needed_when_a_kafka_is_named(bare_machine: dict[str, str]) -> None:
    done = prepared({**bare_machine, "SWITCHBOARD_TEST_KAFKA": "kafka.example:9092", REQUIRED_VARIABLE: "1"})
    assert (done.returncode, "apt-get" in done.stdout) == (0, False)
