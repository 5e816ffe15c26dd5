"""Trying a transaction again when the database asked for it."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from schemas.placement import Fault

TRIES: Final = 5
"""How often a deadlock or serialization failure is tried again before the person is told."""

ResultT = TypeVar("ResultT")


class Judge(Protocol):
    """Judges failures."""

    def fault_of(self, error: Exception) -> tuple[Fault, str]:
        """Say whose fault a failure is, and its SQLSTATE if it has one."""
        ...


async def patiently(store: Judge, attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Try again after a deadlock or serialization failure, a few times."""
    for _ in range(TRIES - 1):
        try:
            return await attempt()
        except Exception as error:
            if store.fault_of(error)[0] is not Fault.AGAIN:
                raise
    return await attempt()
