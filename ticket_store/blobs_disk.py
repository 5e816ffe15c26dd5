"""How much room is left on the disk, and when intake has to say "later"."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LEAST_FREE_BYTES: Final = 1_000_000_000
LEAST_FREE_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Room on one file system, in bytes. `free` is what we may use, without what is reserved for root."""

    free: int
    total: int

    def is_low(self, *, least_bytes: int = LEAST_FREE_BYTES, least_share: float = LEAST_FREE_SHARE) -> bool:
        """Say whether less is free than both limits ask for: the larger one counts."""
        return self.free < max(least_bytes, least_share * self.total)


def space(folder: Path) -> Space:
    """Measure the file system that holds the folder; `OSError` when there is none."""
    facts = os.statvfs(folder)
    return Space(free=facts.f_bavail * facts.f_frsize, total=facts.f_blocks * facts.f_frsize)
