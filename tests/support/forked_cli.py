"""The command line, imported once and forked for each command: to begin an interpreter costs more than what is asked.

Run as a program it reads a line of JSON for each command and answers with its exit code; what the command says goes to
the two files that the line names.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NoReturn

ROOT: Final = Path(__file__).parents[2]
LATE: Final = ("answering", "conversing", "importer", "look", "look_channels", "replay", "spool", "tending", "tickets")
"""Modules of `daemon` that commands import late, and tests often; the others are imported by each command."""


class Commands:
    """Runs commands, one at a time. `run` is what `subprocess.run` is, for the command line of this program."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, __file__], cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str] | None":
        """Run a command to its end; None while another one runs."""
        if not self._turn.acquire(blocking=False):
            return None
        try:
            with TemporaryDirectory(prefix="switchboard-cli-") as folder:
                files = [Path(folder) / name for name in ("out", "err")]
                code = self._ask({"args": arguments, "cwd": str(cwd), "env": dict(env), "files": list(map(str, files))})
                said = [file.read_text(encoding="utf-8") for file in files]
        finally:
            self._turn.release()
        return subprocess.CompletedProcess(arguments, code, *said)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _ask(self, command: Mapping[str, object]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@cache
def commands() -> Commands:
    """Give the one of this process."""
    made = Commands()
    atexit.register(made.close)
    return made


def main() -> None:
    """Answer until the input ends."""
    sys.path.pop(0)  # this folder; the program knows nothing of it
    for name in ("daemon.cli", "bus.kafka", "bus.postgres", *(f"daemon.{late}" for late in LATE)):
        import_module(name)
    command_line = import_module("daemon.cli").main
    for line in sys.stdin:
        print(_code(command_line, json.loads(line)), flush=True)  # noqa: T201 - it is how it answers


def _code(command_line: Callable[[], NoReturn], command: dict[str, Any]) -> int:
    """Run the command in a process of its own, which ends as any other: `main` lets its exit through."""
    pid = os.fork()
    if pid == 0:
        _become(command)
        command_line()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _become(command: dict[str, Any]) -> None:
    """Take over what a new interpreter would be given."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in enumerate(command["files"], start=1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["env"])
    time.tzset()
    sys.argv = ["switchboard", *command["args"]]


if __name__ == "__main__":
    main()
