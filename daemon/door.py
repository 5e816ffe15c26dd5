"""Decides whether new work may come in (`connectors.base.Door`)."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from connectors.base import LaterError
from daemon.health import DISK, LAG, STOPPING, Board

MIN_FREE_BYTES: Final = 1_000_000_000
MIN_FREE_SHARE: Final = 0.05
"""Below 1 GB or 5 % of the disk, whichever is more, intake says "later": PostgreSQL must never meet a full disk."""


class Gate:
    """Open until something closes it. `check` costs nothing: what it says is found out by `look_at_disk` and others."""

    def __init__(
        self,
        *,
        board: Board,
        counted: Callable[[str], None],
        min_free_bytes: int = MIN_FREE_BYTES,
        min_free_share: float = MIN_FREE_SHARE,
    ) -> None:
        self._board = board
        self._counted = counted
        self._min_free_bytes = min_free_bytes
        self._min_free_share = min_free_share
        self._closed: dict[str, str] = {}

    def check(self) -> None:
        """Raise `LaterError` while closed."""
        for reason, detail in self._closed.items():
            self._counted(reason)
            raise LaterError(detail)

    def close(self, reason: str, detail: str) -> None:
        """Close for a reason, until `open` is called for the same reason."""
        self._closed[reason] = detail
        self._board.set(reason, detail)

    def open(self, reason: str) -> None:
        """Say that this reason is over."""
        if self._closed.pop(reason, None) is not None:
            self._board.clear(reason)

    def stop(self) -> None:
        """Close for good."""
        self.close(STOPPING, "the daemon is stopping")

    def look_at_disk(self, *folders: Path) -> int:
        """Close while a disk is nearly full or cannot be asked; give the free bytes of the one that has least."""
        looked = [self._free(folder) for folder in folders]
        wrong = next((detail for _, detail in looked if detail), "")
        if wrong:
            self.close(DISK, wrong)
        else:
            self.open(DISK)
        return min(free for free, _ in looked)

    def _free(self, folder: Path) -> tuple[int, str]:
        """Give the free bytes of a folder's disk, and what is wrong with it."""
        try:
            usage = shutil.disk_usage(folder)
        except OSError as error:
            return 0, f"the disk of {folder} cannot be looked at ({error.strerror})"
        least = max(self._min_free_bytes, int(usage.total * self._min_free_share))
        short = f"{usage.free:,} bytes free on the disk of {folder}, at least {least:,} are needed"
        return usage.free, short if usage.free < least else ""

    def look_at_lag(self, *, behind: bool, hours: float) -> None:
        """Close while the oldest unrouted record is older than `hours`."""
        if behind:
            self.close(LAG, f"the oldest unrouted record is older than {hours:g} hours: start routers")
        else:
            self.open(LAG)
