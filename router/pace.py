"""How long to gather after a small batch: as long as the batch took, so that work and gathering share the time.

A batch costs nearly the same for one message as for twenty. Who takes what is there at once, over and over, spends the
processor on batches of two; who always waits the same time makes every message wait for it, also on a machine that has
nothing else to do. Waiting as long as the work took costs at most half of the rate that work alone would reach, is
a few milliseconds while batches are quick, and grows by itself when the machine is busy.
"""

import time
from collections.abc import Callable
from typing import Final

LONGEST: Final = 0.05
"""Seconds. Under a load that makes batches slower than this, they are large anyway."""


class Pace:
    """The pauses of one loop over batches of at most `limit`. A lone message never waits: pauses come after batches."""

    def __init__(self, *, limit: int, longest: float = LONGEST, timer: Callable[[], float] = time.perf_counter) -> None:
        self._limit = limit
        self._longest = longest
        self._timer = timer
        self._began = 0.0

    def begin(self) -> None:
        """Note that a batch is there, and its work begins."""
        self._began = self._timer()

    def pause(self, count: int) -> float:
        """Give the seconds to wait after a batch of so many; 0 when there was none, or when much more waits."""
        if not 0 < count < self._limit // 2:
            return 0.0
        return min(self._timer() - self._began, self._longest)
