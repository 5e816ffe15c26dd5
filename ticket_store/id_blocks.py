"""Numbers of tickets that a process took from their sequence and has not given out yet."""

from collections import deque
from collections.abc import Iterable


class IdBlocks:
    """Ids taken ahead of need, each of them by a transaction that was committed.

    A sequence may go back when the server crashes: what it gave to a transaction is on the disk only once that, or a
    later one, was committed (PostgreSQL, `nextval`). So what a failed transaction took is somebody else's now.
    """

    def __init__(self) -> None:
        self._tickets: deque[int] = deque()

    def take(self, count: int) -> list[int]:
        """Give so many, or as many as there are."""
        return [self._tickets.popleft() for _ in range(min(count, len(self._tickets)))]

    def keep(self, ids: Iterable[int]) -> None:
        """Take what a committed transaction did not need."""
        self._tickets.extend(ids)

    def forget(self) -> None:
        """Hand none of them out: the server may have crashed, or another one may have taken its place."""
        self._tickets.clear()
