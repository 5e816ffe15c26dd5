"""How a test holds processes at their points (`fault_points`), and counts what is held."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HELD_SECONDS: Final = 30.0


@contextmanager
def held_at(control: Path, point: str, process: str) -> Iterator[Callable[[], int]]:
    """Hold what comes to a point of a process, as long as the context lasts; gives how to count what is held."""
    armed = control / f"{point}@{process}.armed"
    marks = control / "held"

    def count() -> int:
        return sum(mark.name.startswith(f"{point}@{process}@") for mark in marks.iterdir())

    armed.touch()
    try:
        yield count
    finally:
        armed.unlink(missing_ok=True)
        for mark in marks.glob(f"{point}@{process}@*"):
            mark.unlink(missing_ok=True)


def wait_held(count: Callable[[], int], *, seconds: float = HELD_SECONDS) -> int:
    """Wait until something is held, and give how many."""
    give_up = time.monotonic() + seconds
    while not count():
        assert time.monotonic() < give_up, f"nothing is held at the point after {seconds} s"
        time.sleep(0.005)
    time.sleep(0.05)  # what comes at the same time arrives, too
    return count()
