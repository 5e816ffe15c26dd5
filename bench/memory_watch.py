"""How much memory our processes hold: the sum of their own shares (PSS), which counts what they share once.

PostgreSQL and the broker are not ours, and a process that ends while it is looked at counts nothing.
"""

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import psutil

from bench.subject import role_of

PSS: Final = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)
MB: Final = 2**20
FOREIGN: Final = frozenset({"postgres", "java"})
STEADY_FROM: Final = 0.3
"""The share of the samples before which buffers and caches still fill; a slope is taken from there on."""


def pss(pid: int) -> int:
    """Give a process's own share of memory, in bytes (proc(5), smaps_rollup)."""
    try:
        found = PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def held(supervisor: int) -> dict[str, int]:
    """Give the bytes that the daemon's processes hold, by role."""
    found: dict[str, int] = {}
    first = psutil.Process(supervisor)
    for process in [first, *first.children(recursive=True)]:
        try:
            if process.name() not in FOREIGN:
                role = role_of(process)
                found[role] = found.get(role, 0) + pss(process.pid)
        except psutil.Error:
            continue
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was held at one moment (`time.perf_counter`), by role; `mark` is what the one who watches counts."""

    at: float
    bytes: dict[str, int]
    mark: float = 0.0

    @property
    def whole(self) -> int:
        """Bytes of all processes together."""
        return sum(self.bytes.values())


@dataclass(kw_only=True)
class MemoryWatch:
    """Samples from a thread of its own until the block ends. `mark` gives what stands beside each sample."""

    supervisor: int
    every: float = 0.5
    mark: Callable[[], float] = lambda: 0.0
    samples: list[Sample] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def peak(self, role: str = "") -> int:
        """Give the most bytes that all processes, or those of a role, held at once."""
        return max((one.bytes.get(role, 0) if role else one.whole for one in self.samples), default=0)

    def first(self, role: str = "") -> int:
        """Give what was held in the beginning."""
        return (self.samples[0].bytes.get(role, 0) if role else self.samples[0].whole) if self.samples else 0

    def _run(self) -> None:
        while True:
            self.samples.append(Sample(at=time.perf_counter(), bytes=held(self.supervisor), mark=self.mark()))
            if self._ended.wait(self.every):
                return


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Give the rise of the line with the least squares through the points."""
    if len(points) < 2:
        return 0.0
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((one - x) ** 2 for one, _ in points)
    return sum((one - x) * (other - y) for one, other in points) / spread if spread else 0.0


def steady(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Give the points after the first ones, in which caches fill."""
    return points[int(len(points) * STEADY_FROM) :]
