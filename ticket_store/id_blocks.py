"""Numbers of tickets and messages that a process took from their sequences and has not given out yet."""

import asyncio
from collections import deque


class IdBlocks:
    """Ids taken ahead of need. Only ids that were never handed out stay: a lost commit must not see one twice.

    A transaction has blocks of its own beside those of its store, so that what it reserved is not another's.
    """

    def __init__(self) -> None:
        self.tickets: deque[int] = deque()
        self.messages: deque[int] = deque()
        self.filling = asyncio.Lock()
        """One takes more from a sequence at a time, so that messages' ids rise."""

    def give_back(self, others: "IdBlocks") -> None:
        """Take the tickets' ids that others did not need; a message's would be lower than those of later messages."""
        self.tickets.extendleft(reversed(others.tickets))
