"""What the command line says to somebody who types half a command. Needs no store."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from running_daemon import COMMAND, RunningDaemon

from daemon.cli import main


@pytest.mark.parametrize("command", [(), ("tickets",), ("spool",), ("dead-letters",), ("notices",), ("webhooks",)])
def test_no_command_shows_the_help_page_as_it_is(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["switchboard", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    assert said.err.startswith("Usage: switchboard")
    assert "switchboard: " not in said.err


def test_a_wrong_command_says_so_and_where_help_is() -> None:
    done = typed("tickets", "lst")
    assert done.returncode == 2
    assert "Did you mean 'list'?" in done.stderr
    assert "--help" in done.stderr


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (("--scope", "foo"), "there is no scope 'foo'; there are: tickets:read, "),
        ((), "give --scope, one or more of: tickets:read, "),
    ],
)
def test_a_token_for_no_known_scope_is_refused_with_those_that_there_are(scope: tuple[str, ...], said: str) -> None:
    done = typed("tokens", "create", "x", *scope)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_version_is_printed() -> None:
    done = typed("--version")
    assert (done.returncode, done.stdout) == (0, f"switchboard {version('switchboard')}\n")


def typed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_settings_file_is_named_before_or_after_the_command(tmp_path: Path, place: str) -> None:
    (tmp_path / "my.toml").write_text("[smtp]\nprt = 1\n")
    option = ("--config", "my.toml")
    arguments = (*option, "check", "--json") if place == "before" else ("check", "--json", *option)
    rows = json.loads(RunningDaemon(folder=tmp_path).cli(*arguments, check=False).stdout)
    assert [row["where"].rpartition("/")[2] for row in rows] == ["my.toml:2"]


@pytest.mark.parametrize("command", ["tickets list", "spool show 1", "ledger", "status"])
def test_looking_where_no_data_is_makes_none(tmp_path: Path, command: str) -> None:
    done = RunningDaemon(folder=tmp_path).cli(*command.split(), check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert f"there is no data in {tmp_path / 'var'}: start the daemon" in done.stderr
    assert not (tmp_path / "var").exists()


@pytest.fixture
def help_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Gives help pages as they stand on a terminal of 80 columns."""

    def shown(command: str) -> str:
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(sys, "argv", ["switchboard", *command.split(), "--help"])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    return shown


GROUPS = ["tickets", "spool", "keys", "dead-letters", "notices", "webhooks", "tokens", "form-links", "legacy"]


@pytest.mark.parametrize("group", ["", *GROUPS])
def test_every_command_is_described_in_a_whole_sentence_on_80_columns(
    help_of: Callable[[str], str], group: str
) -> None:
    page = help_of(group)
    assert "..." not in page.split("Commands:")[1]
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize("command", ["import", "spool show", "run"])
def test_a_help_page_shows_no_types_of_the_program(help_of: Callable[[str], str], command: str) -> None:
    page = help_of(command)
    assert "list[" not in page
    assert "range>" not in page
