"""The command line, imported once and forked for each command: to begin an interpreter costs more than what is asked.

`python -m fault_cli` reads a line of JSON for each command, its arguments, and writes one: exit code and what was said.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

PRELOADED: Final = ("daemon.cli", "daemon.look", "bus.kafka", "bus.postgres")
"""What the commands of a test import."""


class Answer(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    said: str


class Cli:
    """Runs commands beside a daemon, with its settings."""

    def __init__(self, *, folder: Path, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "fault_cli"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True)

    def run(self, *arguments: str) -> Answer:
        """Run a command to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        return Answer(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def main() -> None:
    """Answer until the input ends."""
    for name in PRELOADED:
        import_module(name)
    command_line = import_module("daemon.cli").main
    for line in sys.stdin:
        sys.argv = ["switchboard", *json.loads(line)]
        print(json.dumps(_answer(command_line)), flush=True)  # noqa: T201 - it is how it answers


def _answer(command_line: Callable[[], NoReturn]) -> Answer:
    """Run the command in a process of its own."""
    near, far = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(far, 1)
        command_line()
    os.close(far)
    with os.fdopen(near, encoding="utf-8", errors="replace") as said:
        text = said.read()
    return Answer(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text)


if __name__ == "__main__":
    main()
