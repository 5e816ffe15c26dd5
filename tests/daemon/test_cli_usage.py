"""What the command line says to somebody who types half a command. Needs no store."""

import subprocess
from importlib.metadata import version

import pytest
from running_daemon import COMMAND


def typed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", [(), ("tickets",), ("spool",), ("dead-letters",)])
def test_no_command_shows_the_help_page_as_it_is(command: tuple[str, ...]) -> None:
    done = typed(*command)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")
    assert "switchboard: " not in done.stderr


def test_a_wrong_command_says_so_and_where_help_is() -> None:
    done = typed("tickets", "lst")
    assert done.returncode == 2
    assert "Did you mean 'list'?" in done.stderr
    assert "--help" in done.stderr


def test_the_version_is_printed() -> None:
    done = typed("--version")
    assert (done.returncode, done.stdout) == (0, f"switchboard {version('switchboard')}\n")
