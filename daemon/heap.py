"""What the C library has free and keeps, given back: bodies of mail come and go, the rest stays for months.

glibc returns what is free at the end of its heap. A few small things that were made after large bodies keep hundreds of
megabytes in front of them from the system, for ever. `malloc_trim` returns whole free pages wherever they are.
"""

import asyncio
import ctypes
from collections.abc import Callable
from typing import Final

LOOK_SECONDS: Final = 10.0
WORTH: Final = 32 * 1024 * 1024
"""Free bytes, more than there were after the last time, that are worth a walk through the heap (milliseconds)."""


class _MallInfo2(ctypes.Structure):
    """mallinfo2(3), since glibc 2.33; all counted in bytes. `fordblks` is what is free."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


class Heap:
    """The heap of this process. `None` from `open_heap` where the C library tells nothing of it (macOS, musl)."""

    def __init__(self, *, free: Callable[[], int], trim: Callable[[], None]) -> None:
        self._free = free
        self._trim = trim
        self._before = 0
        self._after = 0

    async def tend(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Give back what has been free since the last look. What is free for a moment only is soon used again."""
        free = self._free()
        lasting, self._before = min(free, self._before), free
        self._after = min(self._after, free)  # free bytes stay free in the C library's eyes when they are given back
        if lasting - self._after >= WORTH:
            await asyncio.to_thread(self._trim)
            self._after = self._free()


def open_heap() -> Heap | None:
    """Give the heap of the C library that we run with."""
    library = ctypes.CDLL(None)
    try:
        info, trim = library.mallinfo2, library.malloc_trim
    except AttributeError:
        return None
    info.restype = _MallInfo2
    return Heap(free=lambda: int(info().fordblks), trim=lambda: trim(ctypes.c_size_t(0)))
