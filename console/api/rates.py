"""How often somebody may ask."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from console.api.problems import ProblemError

CALLERS: Final = 10_000
"""Tokens and addresses remembered for the rates, at most."""


class Rates:
    """A token bucket for every caller: `per_minute` requests, a sixth of them at once."""

    def __init__(self, *, per_minute: int, timer: Callable[[], float]) -> None:
        self._rate = per_minute / 60
        self._most = max(10.0, per_minute / 6)
        self._timer = timer
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, caller: str) -> None:
        """Count a request. Raises a problem that says when to come again when it is one too many."""
        now = self._timer()
        left, seen = self._left.pop(caller, (self._most, now))
        left = min(self._most, left + (now - seen) * self._rate)
        allowed = left >= 1
        self._left[caller] = (left - 1 if allowed else left, now)
        while len(self._left) > CALLERS:
            self._left.popitem(last=False)
        if not allowed:
            seconds = str(int((1 - left) / self._rate) + 1)
            detail = f"Ask again in {seconds} s."
            raise ProblemError(429, "too-many-requests", detail, headers={"Retry-After": seconds})
