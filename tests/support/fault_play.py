"""Plays one cell: traffic, something held at the point, the strike, and what is left when everybody has had a yes."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Final

from fault_cells import INGEST, STORED, Cell, Fault
from fault_findings import SETTLE_SECONDS, Finding
from fault_stage import Stage
from fault_strike import Strike

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
    again: str
    seconds: float
    findings: tuple[Finding, ...]


def play(
    stage: Stage, cell: Cell, *, stop_seconds: float = SHORT_STOP, settle_seconds: float = SETTLE_SECONDS
) -> Played:
    """Play it. What is found wrong is in the result; a stage that never gets well again raises `AssertionError`."""
    began = time.monotonic()
    where = "ingest" if cell.point in (*INGEST, STORED) else "route-0"
    stage.begin_first_life(where)
    senders = stage.senders()
    senders.start()
    senders.wait_accepted(BEFORE, seconds=PATIENCE)
    strike = Strike(stage=stage, cell=cell, where=where, seconds=stop_seconds)
    with stage.held(cell.point, where) as count:
        strike.provoke()
        hits = max(stage.wait_held(count), stage.wait_more(count))
        strike.begin()
    strike.end()
    senders.wait_accepted(AFTER, seconds=PATIENCE)
    senders.finish(seconds=PATIENCE)
    findings = [found for found in stage.check(senders, seconds=settle_seconds) if not _is_right(found, cell)]
    return Played(
        cell=cell,
        hits=hits,
        accepted=len(senders.accepted),
        again=senders.failures,
        seconds=time.monotonic() - began,
        findings=tuple(findings),
    )


def _is_right(finding: Finding, cell: Cell) -> bool:
    """Whether a refusal is as it must be: to a clock that is wrong every signature is too old, or of tomorrow."""
    return cell.fault is Fault.CLOCK and finding == Finding("refused", "HTTP 401")


class Stages:
    """Keeps one stage over many cells, and makes a new one after a cell that found something or failed.

    What a stage said in which something was found is kept in `.cache/faults`.

    `make` is told whether the stage is to stand on a small disk, which cells without room need.
    """

    def __init__(self, make: Callable[[bool], AbstractContextManager[Stage]]) -> None:
        self._make = make
        self._small = False
        self._kept: ExitStack | None = None
        self._stage: Stage | None = None

    def play(self, cell: Cell, *, stop_seconds: float) -> Played:
        """Play on the stage that is there, or on a new one."""
        small = cell.fault is Fault.DISK
        if small is not self._small:
            self.close()
        if self._kept is None or self._stage is None:
            self._kept, self._small = ExitStack(), small
            self._stage = self._kept.enter_context(self._make(small))
        try:
            played = play(self._stage, cell, stop_seconds=stop_seconds)
        except BaseException:
            self.close()
            raise
        if played.findings:
            self._stage.keep(str(cell).replace("/", " "), played.findings)
            self.close()
        return played

    def close(self) -> None:
        """Take the stage down."""
        kept, self._kept, self._stage = self._kept, None, None
        if kept is not None:
            kept.close()
