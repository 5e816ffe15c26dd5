"""What the command line says to somebody who types half a command. Needs no store."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from running_daemon import COMMAND

from daemon.cli import main


@pytest.mark.parametrize("command", [(), ("tickets",), ("spool",), ("dead-letters",)])
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


def test_the_version_is_printed() -> None:
    done = typed("--version")
    assert (done.returncode, done.stdout) == (0, f"switchboard {version('switchboard')}\n")


def typed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
