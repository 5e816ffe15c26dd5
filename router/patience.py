"""Trying a transaction again when the database asked for it, or when it turned out to need more ids."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from router.reading import ClaimsGrownError
from schemas.placement import Fault
from schemas.routing_rows import IdKey

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


async def claiming(store: Judge, attempt: Callable[[frozenset[IdKey]], Awaitable[ResultT]]) -> ResultT:
    """Try patiently with the ids that must be claimed beside what the message names, until they are all of them."""
    extra: frozenset[IdKey] = frozenset()
    while True:
        try:
            return await patiently(store, partial(attempt, extra))
        except ClaimsGrownError as grown:
            extra |= grown.keys
