"""What people type for channels: a new one that works at once, a recorded delivery sent again, and how all are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_channels import SECRET
from house_tree import ROOT
from running_daemon import RunningDaemon, running_daemon

from doubles.ports import free_port

pytestmark = [pytest.mark.postgres]
RECORDED = ROOT / "tests" / "connectors" / "api" / "recorded"


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
def test_channels_of_a_stopped_daemon_do_not_look_alive() -> None:
    with running_daemon({"SWITCHBOARD_ACCOUNTS__SUPPORT__ADDRESSES": "support@example.org"}) as stopped:
        listening = [{"channel": "mail", "state": "listening"}]

        def served() -> list[dict[str, str]]:
            rows = [account for one in stopped.json("channels") for account in one["accounts"]]
            return [{"channel": row["channel"], "state": row["state"]} for row in rows]

        stopped.wait_until(lambda: served() == listening, seconds=10, what="told")
        stopped.stop()
        assert served() == [{"channel": "mail", "state": "silent"}]
        assert " ".join(stopped.cli("channels").stdout.split()).startswith("the daemon is not running (nobody answers")
