"""How much of request bodies may stand in memory, over all connections: what nobody has proved yet, and what is stored.

Whoever needs room that is not there takes it from the body that has been coming longest: a platform's body is here
within a moment, so a crowd of slow senders only pushes out itself. A body that is whole is never dropped.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

TOGETHER: Final = 64 * 1024 * 1024
"""Bytes of all bodies of a process at a time ..."""
EACH: Final = 32 * 1024 * 1024
"""... and of those that call one account, so that a flood on one leaves room for the others."""

FILES_TOGETHER: Final = 160 * 1024 * 1024
"""Bytes of files that come to pages of ours, of all accounts: in a room of their own, so that no delivery waits ..."""
FILES_EACH: Final = 96 * 1024 * 1024
"""... and of one account: more than one address alone can fill, with four files of 20 MiB at a time."""


class CrowdedError(Exception):
    """There is no room for more, and nobody who could be dropped for it."""


class Hold:
    """What one request holds. `deadline` is that of its reader: whoever is dropped runs out of time at once."""

    def __init__(self, *, owner: str) -> None:
        self.owner = owner
        self.size = 0
        self.is_dropped = False
        self.deadline: asyncio.Timeout | None = None


class BodyBudget:
    """The room. Within one event loop alone."""

    def __init__(self, *, together: int = TOGETHER, each: int = EACH) -> None:
        self._together = together
        self._each = each
        self._sum = 0
        self._of: Counter[str] = Counter()
        self._coming: dict[Hold, None] = {}

    @contextmanager
    def hold(self, owner: str) -> Iterator[Hold]:
        """Begin to read a body for an account; at the end of the block, after the answer, its room is free again."""
        held = Hold(owner=owner)
        self._coming[held] = None
        try:
            yield held
        finally:
            self._coming.pop(held, None)
            self._release(held)

    def grow(self, held: Hold, size: int) -> None:
        """Take room for bytes that have come. Raises `CrowdedError`."""
        while not held.is_dropped and (wanted := self._missing_to(held.owner, size)) is not None:
            others = (one for one in self._coming if one is not held and one.size and wanted in ("", one.owner))
            oldest = next(others, None)
            if oldest is None:
                raise CrowdedError
            self._drop(oldest)
        if held.is_dropped:
            raise CrowdedError
        held.size += size
        self._sum += size
        self._of[held.owner] += size

    def whole(self, held: Hold) -> None:
        """Say that the body is here: nobody drops it any more."""
        self._coming.pop(held, None)

    def _missing_to(self, owner: str, size: int) -> str | None:
        """Say whose share has no room: the account's name, an empty text for all together, None for neither."""
        if self._of[owner] + size > self._each:
            return owner
        return "" if self._sum + size > self._together else None

    def _drop(self, held: Hold) -> None:
        held.is_dropped = True
        self._coming.pop(held, None)
        self._release(held)
        if held.deadline is not None:
            held.deadline.reschedule(asyncio.get_running_loop().time())

    def _release(self, held: Hold) -> None:
        self._sum -= held.size
        self._of[held.owner] -= held.size
        if not self._of[held.owner]:
            del self._of[held.owner]
        held.size = 0
