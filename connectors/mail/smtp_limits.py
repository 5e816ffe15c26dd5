"""Limits on connections and on time."""

import asyncio
from collections import Counter
from collections.abc import Callable

from schemas.callers import counted


class ConnectionGate:
    """Counts connections, in all and of each peer: an IPv4 address, or the network of an IPv6 one."""

    def __init__(self, *, in_all: int, per_peer: int) -> None:
        self._in_all = in_all
        self._per_peer = per_peer
        self._peers: Counter[str] = Counter()
        self.open = 0
        self.shut = False
        """Nobody is let in any more: the listener stops."""

    def enter(self, peer: str) -> bool:
        """Let one more in, or say no."""
        whose = counted(peer)
        if self.shut or self.open >= self._in_all or self._peers[whose] >= self._per_peer:
            return False
        self.open += 1
        self._peers[whose] += 1
        return True

    def leave(self, peer: str) -> None:
        """Count one less. Only for one that was let in."""
        whose = counted(peer)
        self.open -= 1
        self._peers[whose] -= 1
        if not self._peers[whose]:
            del self._peers[whose]


class Deadline:
    """One time limit that moves on. Moving it costs no timer: the timer looks again when it fires too early."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop, passed: Callable[[], None]) -> None:
        self._loop = loop
        self._passed = passed
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, seconds: float) -> None:
        """Call `passed` after so many seconds from now, unless it is set anew or cleared before."""
        self._at = self._loop.time() + seconds
        if self._timer is None or self._timer_at > self._at:
            self._arm(self._at)

    def clear(self) -> None:
        """No limit for now."""
        self._at = None

    def close(self) -> None:
        """No limit any more."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._loop.time() < self._at:
            self._arm(self._at)
            return
        self._at = None
        self._passed()
