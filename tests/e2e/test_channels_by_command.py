"""What people type for channels: a new one that works at once, a recorded delivery sent again, and how all are."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_channels import SECRET
from house_tree import ROOT
from running_daemon import RunningDaemon, free_port, running_daemon

pytestmark = [pytest.mark.postgres]
RECORDED = ROOT / "tests" / "connectors" / "api" / "recorded"
LEFT_OUT = shutil.ignore_patterns(".*", "var", "dist", "__pycache__")


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    settings = {
        "SWITCHBOARD_INTAKE__PORT": str(free_port()),
        "SWITCHBOARD_ACCOUNTS__ERP__CHANNEL": "api",
        "SWITCHBOARD_ACCOUNTS__ERP__SECRET": SECRET,
        "SWITCHBOARD_ACCOUNTS__SUPPORT__ADDRESSES": "support@example.org",
    }
    with running_daemon(settings) as found:
        yield found


def test_a_recorded_delivery_is_signed_sent_and_becomes_a_ticket(daemon: RunningDaemon) -> None:
    for name in ("first-message", "retry", "reply", "no-sender"):
        sent = daemon.cli("send-fixture", str(RECORDED / f"{name}.json"), "--account", "erp")
        assert sent.stdout.startswith('202 {"stored":true}')
    ledger = daemon.settle(4)
    assert (ledger["ticketed"], ledger["duplicates"], ledger["held"]) == (2, 1, 1)
    assert [ticket["subject"] for ticket in daemon.json("tickets", "list")] == ["Order 55102: delivery refused"]


def test_a_delivery_for_nobody_and_a_file_that_is_none_are_said(daemon: RunningDaemon, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("[]")
    assert "is no recorded delivery" in daemon.cli("send-fixture", str(tmp_path / "odd.json"), check=False).stderr
    fixture = str(RECORDED / "first-message.json")
    assert "there is no account x" in daemon.cli("send-fixture", fixture, "--account", "x", check=False).stderr
    assert "SMTP" in daemon.cli("send-fixture", fixture, "--account", "support", check=False).stderr
    nowhere = daemon.cli("send-fixture", fixture, "--url", f"http://127.0.0.1:{free_port()}", check=False)
    assert nowhere.returncode == 3
    assert "nobody answers" in nowhere.stderr


def test_channels_tell_state_last_delivery_and_quality(daemon: RunningDaemon) -> None:
    daemon.cli("send-fixture", str(RECORDED / "only-files.json"))

    def told() -> bool:
        accounts = {one["channel"]: one["accounts"] for one in daemon.json("channels")}
        return bool(accounts["api"][0]["delivered_at"] and accounts["mail"][0]["state"] == "listening")

    daemon.wait_until(told, seconds=10, what="told")
    api = next(one for one in daemon.json("channels") if one["channel"] == "api")
    assert [(one["account"], one["state"], one["problem"]) for one in api["accounts"]] == [("erp", "listening", "")]
    assert api["quality"]["signed-body"] == {"state": "done", "why": ""}
    assert "done / to do / exempt" in daemon.cli("channels").stdout


@pytest.mark.slow
def test_a_new_channel_passes_everything_as_it_was_written(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    _run(copy, "-m", "daemon", "new-channel", "fax")
    _run(copy, "-m", "ruff", "check", "connectors/fax", "tests/connectors/fax")
    _run(copy, "-m", "ruff", "format", "--check", "connectors/fax", "tests/connectors/fax")
    _run(copy, "-m", "mypy", "connectors/fax")
    suite = ["tests/connectors/contract", "-k", "fax or page or must", "tests/connectors/fax"]
    _run(copy, "-m", "pytest", "-q", "--hypothesis-profile=quick", *suite)
    _run(copy, "-m", "pytest", "-q", "tests/test_house_rules.py", "tests/daemon/test_settings_page.py")
    again = _run(copy, "-m", "daemon", "new-channel", "fax", code=3)
    assert "there is a channel fax already" in again


def _run(folder: Path, *arguments: str, code: int = 0) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SWITCHBOARD_", "PYTEST_"))
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout + done.stderr
