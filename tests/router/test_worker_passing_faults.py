"""A fault of our own code that passes costs a record nothing; one that stays costs the record, and little time."""

import asyncio

import pytest
from router_running import Running, poison, stored
from routing_lab import Lab, LabLog, mail, open_lab

from router.isolation import MORE_TRIES, PATIENCE, StoppedError
from router.policy import Policies
from schemas.message import InboundMessage

FOR_EVER = 10_000
NOBODY = "select id from dead_letters"


def trapped(lab: Lab, log: LabLog, *, times: int, fuse: int = 20) -> Running:
    """Give a worker whose own code fails so many times on whoever writes to the trap."""
    faults = iter(range(times))

    class Trapped(Policies):
        def is_staff(self, address: str) -> bool:
            if address == "trap@x.example" and next(faults, None) is not None:
                raise ZeroDivisionError
            return super().is_staff(address)

    running = Running(lab, log, fuse=fuse)
    running.worker._isolation._router._policies = Trapped()
    return running


def to_the_trap(number: int) -> InboundMessage:
    return mail(f"m{number}", f"s{number}@x.example", cc=["trap@x.example"])


def pauses_of(running: Running, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have the pauses noted instead of slept."""
    pauses: list[float] = []

    async def note(pause: float) -> None:
        pauses.append(pause)

    monkeypatch.setattr(running.worker._isolation, "_sleep", note)
    return pauses


@pytest.mark.parametrize(("count", "halvings"), [(1, 0), (4, 2)], ids=["alone", "among others"])
async def test_a_fault_that_passes_blames_no_record(database: str, count: int, halvings: int) -> None:
    log = LabLog()
    for number in range(count - 1):
        log.append(mail(f"m{number}", f"s{number}@x.example"))
    log.append(to_the_trap(count))
    async with open_lab(database) as lab:
        running = await trapped(lab, log, times=halvings + len(MORE_TRIES)).assigned()
        await running.drain()
        assert await lab.rows(NOBODY) == []
        assert await stored(lab) == {0: count}


async def test_faults_that_stay_in_a_row_cost_a_batch_its_patience_and_no_more(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LabLog()
    for number in range(12):
        log.append(to_the_trap(number))
    async with open_lab(database) as lab:
        running = await trapped(lab, log, times=FOR_EVER).assigned()
        pauses = pauses_of(running, monkeypatch)
        await running.drain()
        assert len(await lab.rows(NOBODY)) == 12
        assert len(pauses) == 12 * len(MORE_TRIES)
        assert sum(pauses) == pytest.approx(PATIENCE)


async def test_what_postgresql_refuses_is_the_records_fault_at_once(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LabLog()
    log.append(poison("x"))
    async with open_lab(database) as lab:
        running = await Running(lab, log).assigned()
        pauses = pauses_of(running, monkeypatch)
        await running.drain()
        assert len(await lab.rows(NOBODY)) == 1
        assert pauses == []


async def test_a_stop_ends_the_waiting_and_blames_nobody(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.isolation.MORE_TRIES", (600.0,))
    monkeypatch.setattr("router.isolation.PATIENCE", 600.0)
    log = LabLog()
    log.append(to_the_trap(1))
    async with open_lab(database) as lab:
        running = await trapped(lab, log, times=FOR_EVER).assigned()
        turn = asyncio.create_task(running.worker.turn(max_wait=0))
        await asyncio.sleep(0.5)
        running.worker.stop()
        with pytest.raises(StoppedError):
            await turn
        assert await lab.rows(NOBODY) == []
