"""Runs a blocking call on whole groups of items: one hop to a thread and one back for all that came meanwhile."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

MOST: Final = 64
"""Items of one group, unless one caller brings more."""

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caller(Generic[_T, _R]):
    items: Sequence[_T]
    done: "asyncio.Future[Sequence[_R]]"


class Groups(Generic[_T, _R]):
    """Groups of items for `work`, which gives one result an item; at most `turns` groups at a time, others wait.

    Callers of one turn of the event loop go together, and so do those that come while all turns are taken.
    """

    def __init__(self, *, work: Callable[[Sequence[_T]], Sequence[_R]], pool: ThreadPoolExecutor, turns: int) -> None:
        self._work = work
        self._pool = pool
        self._free = turns
        self._waiting: deque[_Caller[_T, _R]] = deque()
        self._called = False

    async def run(self, items: Sequence[_T]) -> Sequence[_R]:
        """Give the results of these items. A cancelled caller does not stop what has begun."""
        if not items:
            return ()
        loop = asyncio.get_running_loop()
        caller: _Caller[_T, _R] = _Caller(items=items, done=loop.create_future())
        self._waiting.append(caller)
        if not self._called:
            self._called = True
            loop.call_soon(self._begin)
        return await caller.done

    def _begin(self) -> None:
        self._called = False
        while self._free and self._waiting:
            self._start(self._next_group())

    def _next_group(self) -> list[_Caller[_T, _R]]:
        group = [self._waiting.popleft()]
        size = len(group[0].items)
        while self._waiting and size + len(self._waiting[0].items) <= MOST:
            group.append(self._waiting.popleft())
            size += len(group[-1].items)
        return group

    def _start(self, group: Sequence[_Caller[_T, _R]]) -> None:
        items = [item for caller in group for item in caller.items]
        try:
            running = asyncio.get_running_loop().run_in_executor(self._pool, self._work, items)
        except RuntimeError as error:  # the pool is closed
            _fail(group, error)
            return
        self._free -= 1
        running.add_done_callback(lambda done: self._end(group, done))

    def _end(self, group: Sequence[_Caller[_T, _R]], done: "asyncio.Future[Sequence[_R]]") -> None:
        self._free += 1
        self._begin()
        if (error := done.exception()) is not None:
            _fail(group, error)
            return
        results = iter(done.result())
        for caller in group:
            own = [next(results) for _ in caller.items]
            if not caller.done.done():
                caller.done.set_result(own)


def _fail(group: Sequence[_Caller[_T, _R]], error: BaseException) -> None:
    for caller in group:
        if not caller.done.done():
            caller.done.set_exception(error)
