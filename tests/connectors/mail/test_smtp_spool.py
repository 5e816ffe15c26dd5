"""The common room for bodies: first come, first served, and nothing is ever lost from the count."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from connectors.mail.smtp_spool import Body, Budget, Room


def room(memory: int, disk: int = 1_000_000) -> Room:
    return Room(memory=Budget(limit=memory), disk=Budget(limit=disk), folder=None, wait_seconds=0.02)


async def test_who_waits_is_served_in_order_and_before_newcomers() -> None:
    budget = Budget(limit=10)
    assert budget.take(8)
    first, second = (asyncio.create_task(budget.take_within(size, 1)) for size in (5, 2))
    await asyncio.sleep(0)
    assert not budget.take(1)
    budget.give(8)
    assert await first
    assert await second
    assert budget.used == 7


async def test_waiting_ends_without_taking() -> None:
    budget = Budget(limit=10)
    assert budget.take(10)
    assert not await budget.take_within(1, 0.01)
    budget.give(10)
    assert (budget.used, budget.take(10)) == (0, True)


async def test_when_the_first_in_line_gives_up_the_next_is_served() -> None:
    budget = Budget(limit=10)
    assert budget.take(5)
    large = asyncio.create_task(budget.take_within(9, 0.01))
    small = asyncio.create_task(budget.take_within(2, 1))
    assert not await large
    assert await small
    assert budget.used == 7


async def test_cancelling_who_waits_gives_nothing_away() -> None:
    budget = Budget(limit=10)
    assert budget.take(10)
    waiting = asyncio.create_task(budget.take_within(5, 1))
    await asyncio.sleep(0)
    budget.give(10)
    waiting.cancel()
    await asyncio.wait((waiting,))
    assert budget.used == 0


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=30), st.integers(0, 400))
def test_a_body_comes_back_whole_wherever_it_waited(chunks: list[bytes], memory_taken: int) -> None:
    async def run() -> None:
        shared = room(2_000)
        other = min(memory_taken * 5, 2_000)
        assert shared.memory.take(other)
        body = Body(room=shared, limit=10_000)
        for chunk in chunks:
            if not body.append(chunk):
                await body.spill(chunk)
        shared.memory.give(other)
        assert await body.content() == b"".join(chunks)
        body.close()
        body.close()
        assert (shared.memory.used, shared.disk.used) == (0, 0)

    asyncio.run(run())


async def test_a_body_over_its_limit_lets_go_of_everything_at_once() -> None:
    shared = room(100)
    body = Body(room=shared, limit=10)
    seen = [(body.append(chunk), body.too_large, shared.memory.used) for chunk in (b"x" * 10, b"x", b"x")]
    assert seen == [(True, False, 10), (True, True, 0), (True, True, 0)]
    assert body.size == 12


async def test_what_a_connection_reads_ahead_is_counted_until_its_mail_has_ended() -> None:
    shared = Room(memory=Budget(limit=1000), disk=Budget(limit=0), folder=None, wait_seconds=0.02, reserve=100)
    body = Body(room=shared, limit=1000)
    assert shared.memory.used == 100
    assert body.append(b"x" * 50)
    assert shared.memory.used == 150
    assert await body.content() == b"x" * 50
    assert shared.memory.used == 50
    body.close()
    assert shared.memory.used == 0


async def test_a_body_takes_no_reserve_where_there_is_no_room_for_it() -> None:
    shared = Room(memory=Budget(limit=100), disk=Budget(limit=0), folder=None, wait_seconds=0.02, reserve=80)
    first, second = Body(room=shared, limit=1000), Body(room=shared, limit=1000)
    assert shared.memory.used == 80
    second.close()
    first.close()
    assert shared.memory.used == 0


async def test_large_and_small_chunks_come_back_in_their_order() -> None:
    chunks = [bytes([number]) * size for number, size in enumerate((3, 40_000, 5, 7, 40_000, 33_000, 1))]
    body = Body(room=room(1_000_000), limit=1_000_000)
    assert all(body.append(chunk) for chunk in chunks)
    assert await body.content() == b"".join(chunks)
    body.close()
