"""Files on their way in stand in memory: all accounts share one room, and who finds it full comes again."""

import asyncio

import pytest
from form_lab import form_lab

from daemon.body_budget import BodyBudget


@pytest.mark.parametrize("room", [BodyBudget(together=100, each=1000), BodyBudget(together=1000, each=100)])
async def test_a_file_for_which_there_is_no_room_in_memory_is_told_to_come_again(
    database: str, room: BodyBudget
) -> None:
    async with form_lab(database, uploads=room) as lab:
        stamp = await lab.start(await lab.link())
        answer = await lab.upload(b"x" * 101, token=stamp)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert ("contact", "crowded") in lab.bench.refused
        assert (await lab.upload(b"x" * 100, token=stamp)).status_code == 201


async def test_files_that_come_at_the_same_time_share_the_room_and_give_it_back(database: str) -> None:
    room = BodyBudget(together=100, each=100)
    async with form_lab(database, uploads=room) as lab:
        stamp = await lab.start(await lab.link())
        go = asyncio.Event()

        async def held() -> int:
            with lab.desk.hold() as grow:
                grow(60)
                await go.wait()
            return 0

        task = asyncio.create_task(held())
        await asyncio.sleep(0)
        assert (await lab.upload(b"x" * 60, token=stamp)).status_code == 503
        assert (await lab.upload(b"x" * 40, token=stamp)).status_code == 201
        go.set()
        await task
        assert (await lab.upload(b"x" * 60, token=stamp)).status_code == 201
