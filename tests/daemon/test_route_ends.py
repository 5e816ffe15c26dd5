"""When one task of the router's process fails, the others end too, and the supervisor can start it again."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from daemon.process import Process
from daemon.route import _work
from daemon.settings import Settings


class Turning:
    """Works until it is told to stop, or fails after a moment."""

    def __init__(self, *, fails: bool = False) -> None:
        self.stopped = asyncio.Event()
        self.ended = False
        self._fails = fails

    async def run(self) -> None:
        if self._fails:
            await asyncio.sleep(0.01)
            raise LookupError("a fault of ours")
        await self.stopped.wait()
        self.ended = True

    def stop(self) -> None:
        self.stopped.set()


@pytest.mark.parametrize("failing", ["router", "relay"])
async def test_a_task_that_fails_ends_the_others_and_then_the_process(failing: str, tmp_path: Path) -> None:
    process = Process(name="route-0", settings=Settings(data_dir=tmp_path))
    router, relay = Turning(fails=failing == "router"), Turning(fails=failing == "relay")
    chores = asyncio.ensure_future(asyncio.sleep(60))
    with pytest.raises(LookupError):
        await asyncio.wait_for(_work(process, cast("Any", router), cast("Any", relay), chores), 5)
    assert process.stop.is_set()
    assert (relay if failing == "router" else router).ended
    assert chores.cancelled()
