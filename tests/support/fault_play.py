"""Plays one cell: traffic, something held at the point, the strike, and what is left when everybody has had a yes."""

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from typing import Final

import psutil
from fault_cells import INGEST, STORED, Cell, Fault
from fault_findings import SETTLE_SECONDS, Finding
from fault_stage import Stage

SHORT_STOP: Final = 5.0
"""Seconds of a stop in `make test`: more than the lease of a router and the session of a group, three each."""
LONG_STOP: Final = 65.0
"""Seconds of a stop in the whole matrix: more than every time-out of a minute that the store and the intake have."""
BEFORE: Final = 8
AFTER: Final = 12
"""Messages that are accepted before the strike, and after it, at least."""
PATIENCE: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came of a cell. `hits` were held at the point when it was struck, `again` are mails tried again."""

    cell: Cell
    hits: int
    accepted: int
    again: int
    seconds: float
    findings: tuple[Finding, ...]


def play(
    stage: Stage, cell: Cell, *, stop_seconds: float = SHORT_STOP, settle_seconds: float = SETTLE_SECONDS
) -> Played:
    """Play it. What is found wrong is in the result; a stage that never gets well again raises `AssertionError`."""
    began = time.monotonic()
    senders = stage.senders()
    senders.start()
    senders.wait_accepted(BEFORE, seconds=PATIENCE)
    where = "ingest" if cell.point in (*INGEST, STORED) else "route-0"
    strike = Strike(stage, cell, where, stop_seconds)
    with stage.held(cell.point, where) as count:
        strike.provoke()
        hits = max(stage.wait_held(count), stage.wait_more(count))
        strike.begin()
    strike.end()
    senders.wait_accepted(AFTER, seconds=PATIENCE)
    senders.finish(seconds=PATIENCE)
    findings = stage.check(senders, seconds=settle_seconds)
    return Played(
        cell=cell,
        hits=hits,
        accepted=len(senders.accepted),
        again=senders.failures,
        seconds=time.monotonic() - began,
        findings=tuple(findings),
    )


class Strike:
    """One fault. `begin` strikes while the point holds; `end` comes when the point has let go, and mends."""

    def __init__(self, stage: Stage, cell: Cell, where: str, stop_seconds: float) -> None:
        self._stage = stage
        self._cell = cell
        self._where = where
        self._seconds = stop_seconds
        self._stopped: list[psutil.Process] = []

    def provoke(self) -> None:
        """Make happen what does not happen by itself: partitions change hands only when a router comes or goes."""
        if self._cell.point == "between revoke and assign":
            self._stage.daemon.living_child("route-1").terminate()

    def begin(self) -> None:
        """Strike."""
        {Fault.KILL: self._kill, Fault.STOP: self._stop}[self._cell.fault]()

    def end(self) -> None:
        """Mend what does not mend by itself."""
        if self._stopped:
            time.sleep(self._seconds)
            for process in self._stopped:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

    def _kill(self) -> None:
        process = self._cell.process
        if process == "postgres":
            self._stage.daemon.kill_postgres()
        elif process == "broker":
            assert self._stage.broker is not None
            self._stage.broker.kill()
            self._stage.broker.start()
        else:
            self._stage.daemon.living_child(self._where).kill()

    def _stop(self) -> None:
        self._stopped = self._processes()
        for process in self._stopped:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

    def _processes(self) -> list[psutil.Process]:
        if self._cell.process == "postgres":
            first = psutil.Process(self._stage.postgres.pid)
            return [first, *first.children()]
        if self._cell.process == "broker":
            assert self._stage.broker is not None
            return [psutil.Process(self._stage.broker.pid)]
        return [self._stage.daemon.living_child(self._where)]


class Stages:
    """Keeps one stage over many cells, and makes a new one after a cell that found something or failed."""

    def __init__(self, make: Callable[[], AbstractContextManager[Stage]]) -> None:
        self._make = make
        self._kept: ExitStack | None = None
        self._stage: Stage | None = None

    def play(self, cell: Cell, *, stop_seconds: float) -> Played:
        """Play on the stage that is there, or on a new one."""
        if self._kept is None or self._stage is None:
            self._kept = ExitStack()
            self._stage = self._kept.enter_context(self._make())
        try:
            played = play(self._stage, cell, stop_seconds=stop_seconds)
        except BaseException:
            self.close()
            raise
        if played.findings:
            self.close()
        return played

    def close(self) -> None:
        """Take the stage down."""
        kept, self._kept, self._stage = self._kept, None, None
        if kept is not None:
            kept.close()
