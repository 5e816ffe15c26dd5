"""A child process for mails that may hurt their parser: bounded memory, processor time and wall time.

The child is a fresh interpreter (`python -m connectors.mail.sandbox`), never a fork of a process with threads. It
reads one pickled delivery, writes one pickled result, and ends. Whatever ends it otherwise is the mail's fault.
"""

import asyncio
import contextlib
import os
import pickle
import resource
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from connectors.base import Delivery, InvalidDeliveryError, Normalized

_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one child may use: bytes of address space beyond its mail, and seconds."""

    memory: int = 1024 * 1024 * 1024
    cpu_seconds: int = 10
    wall_seconds: float = 20.0
    children: int = 2


@dataclass(slots=True)
class Sandbox:
    """Starts children, a bounded number at a time."""

    limits: Limits = field(default_factory=Limits)
    command: tuple[str, ...] = (sys.executable, "-m", "connectors.mail.sandbox")
    _turns: asyncio.Semaphore = field(init=False)
    _running: set[asyncio.subprocess.Process] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._turns = asyncio.Semaphore(self.limits.children)

    async def normalize(self, delivery: Delivery) -> Normalized:
        """Normalize in a child. Raises `InvalidDeliveryError` when the child says so, dies, or takes too long."""
        async with self._turns:
            output, code = await self._run(pickle.dumps(delivery))
        if code != 0:
            raise InvalidDeliveryError(f"parser: the child process ended with {code}")
        outcome = _load(output)
        if isinstance(outcome, Normalized):
            return outcome
        raise InvalidDeliveryError(str(outcome))

    async def close(self) -> None:
        """Kill the children that still run and wait for them, so that none is left as a zombie."""
        for process in tuple(self._running):
            await _end(process)

    async def _run(self, request: bytes) -> tuple[bytes, int]:
        process = await self._start()
        self._running.add(process)
        try:
            async with asyncio.timeout(self.limits.wall_seconds):
                output, _ = await process.communicate(request)
        except TimeoutError as error:
            raise InvalidDeliveryError(f"parser: took longer than {self.limits.wall_seconds} s") from error
        finally:
            await asyncio.shield(_end(process))
            self._running.discard(process)
        return output, process.returncode or 0

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.command,
            str(self.limits.memory),
            str(self.limits.cpu_seconds),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=_ROOT,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            process.kill()
    await process.wait()


def _load(output: bytes) -> object:
    """Read the child's answer. The child is our own program, confined but not hostile code."""
    try:
        return pickle.loads(output)  # noqa: S301 - written by our own child from its own types
    except (pickle.UnpicklingError, EOFError, AttributeError, ValueError, IndexError) as error:
        raise InvalidDeliveryError("parser: the child process gave no readable answer") from error


def main(argv: list[str], source: BinaryIO, target: BinaryIO) -> int:
    """Read one delivery, answer with its message or the reason why there is none."""
    from connectors.mail.normalize import normalize  # noqa: PLC0415 - loads the parsers, in the child alone

    delivery: Delivery = pickle.load(source)  # noqa: S301 - written by our own parent
    confine(memory=int(argv[1]) + 4 * len(delivery.raw), cpu_seconds=int(argv[2]))
    try:
        outcome: Normalized | str = normalize(delivery)
    except InvalidDeliveryError as error:
        outcome = error.reason
    target.write(pickle.dumps(outcome))
    target.flush()
    return 0


def confine(*, memory: int, cpu_seconds: int) -> None:
    """Bound this process: address space in bytes, processor time in seconds, no core file."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv, sys.stdin.buffer, sys.stdout.buffer))
