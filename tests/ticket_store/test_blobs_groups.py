"""Grouping of blocking calls: who goes together, and who hears what."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from ticket_store.blobs_groups import MOST, Groups


class Work:
    """Doubles numbers, once it is let go; writes down which came together."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may_go = Event()

    def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.groups.append(list(items))
        assert self.may_go.wait(10)
        if 13 in items:
            raise OSError(28, "no room")
        return [2 * item for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=4) as made:
        yield made


@pytest.fixture
def groups(work: Work, pool: ThreadPoolExecutor) -> Groups[int, int]:
    return Groups(work=work, pool=pool, turns=1)


async def begun(work: Work, count: int) -> None:
    async with asyncio.timeout(10):
        while len(work.groups) < count:  # noqa: ASYNC110 - the group begins in a thread
            await asyncio.sleep(0.001)


async def test_callers_of_one_turn_go_together_and_each_gets_its_own(work: Work, groups: Groups[int, int]) -> None:
    work.may_go.set()
    results = await asyncio.gather(groups.run([1, 2]), groups.run([3]), groups.run([]))
    assert list(results) == [[2, 4], [6], ()]
    assert work.groups == [[1, 2, 3]]


async def test_those_who_come_while_all_turns_are_taken_go_together_next(work: Work, groups: Groups[int, int]) -> None:
    first = asyncio.create_task(groups.run([1]))
    await begun(work, 1)
    late = [asyncio.create_task(groups.run([number])) for number in (2, 3)]
    await asyncio.sleep(0)
    assert work.groups == [[1]]
    work.may_go.set()
    assert await asyncio.gather(first, *late) == [[2], [4], [6]]
    assert work.groups == [[1], [2, 3]]


async def test_a_group_has_a_limit_that_only_a_single_caller_passes(work: Work, groups: Groups[int, int]) -> None:
    work.may_go.set()
    many = list(range(100, 101 + MOST))
    await asyncio.gather(groups.run([1]), groups.run(many), groups.run([2]))
    assert work.groups == [[1], many, [2]]


async def test_a_caller_who_leaves_takes_nothing_from_the_others(work: Work, groups: Groups[int, int]) -> None:
    leaving, staying = asyncio.create_task(groups.run([1])), asyncio.create_task(groups.run([2]))
    await begun(work, 1)
    leaving.cancel()
    work.may_go.set()
    assert await staying == [4]
    assert work.groups == [[1, 2]]


async def test_what_fails_fails_for_its_group_alone(work: Work, groups: Groups[int, int]) -> None:
    first = asyncio.create_task(groups.run([13]))
    await begun(work, 1)
    second = asyncio.create_task(groups.run([1]))
    await asyncio.sleep(0)
    work.may_go.set()
    with pytest.raises(OSError, match="no room"):
        await first
    assert await second == [2]


async def test_who_comes_after_the_threads_are_gone_hears_of_it(
    groups: Groups[int, int], pool: ThreadPoolExecutor
) -> None:
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        await groups.run([1])
