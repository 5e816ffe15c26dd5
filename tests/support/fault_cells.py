"""The table of cells: which process, at which point, under which bus, is struck by which fault.

`make test` plays a seventh of the table (`part_of_commit`), `make test-faults` plays all of it.
"""

import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from house_tree import ROOT

PARTS: Final = 7
DAY: Final = 86_400


class Fault(StrEnum):
    """What strikes."""

    KILL = "SIGKILL"
    STOP = "SIGSTOP"
    CUT = "cut"
    SILENCE = "silence"
    DISK = "disk full"
    NAMES = "no names"
    CLOCK = "clock jump"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`process` is struck while something is held at the point; the point is one of ingest's or of a router's."""

    bus: str
    process: str
    point: str
    fault: Fault

    def __str__(self) -> str:
        return f"{self.bus}/{self.process}/{self.point}/{self.fault}".replace(" ", "-").replace(":", "")


INGEST: Final = ("before the blob", "after the blob", "before the publish", "after the publish", "before the ack")
STORED: Final = "stored, not said"
"""The log has stored the record, and the intake has not heard of it yet."""
ROUTER: Final = (
    "between revoke and assign",
    "after the fetch",
    "after the offsets",
    "after the claims",
    "before the commit",
    "after the commit",
    "before the mirror",
)
RELAY: Final = (
    "relay: after the claim",
    "relay: after the publish",
    "relay: after the mark",
    "relay: after the commit",
)


def _cells(bus: str, process: str, fault: Fault, points: Sequence[str]) -> list[Cell]:
    return [Cell(bus=bus, process=process, point=point, fault=fault) for point in points]


EMBEDDED: Final = tuple(
    chain(
        _cells("embedded", "ingest", Fault.KILL, (*INGEST, STORED)),
        _cells("embedded", "router", Fault.KILL, ROUTER),
        _cells("embedded", "relay", Fault.KILL, RELAY),
        _cells("embedded", "postgres", Fault.KILL, ("after the blob", STORED, "before the ack")),
        _cells("embedded", "postgres", Fault.KILL, ("after the offsets", "before the commit", "after the commit")),
        _cells("embedded", "postgres", Fault.KILL, ("relay: after the publish",)),
        _cells("embedded", "ingest", Fault.STOP, ("after the blob", STORED)),
        _cells("embedded", "router", Fault.STOP, ("after the fetch", "after the offsets", "before the commit")),
        _cells("embedded", "router", Fault.STOP, ("after the commit", "between revoke and assign")),
        _cells("embedded", "relay", Fault.STOP, ("relay: after the publish",)),
        _cells("embedded", "postgres", Fault.STOP, ("after the blob", "before the commit")),
        _cells("embedded", "ingest", Fault.CUT, ("before the publish", STORED)),
        _cells("embedded", "router", Fault.CUT, ("after the fetch", "before the commit", "after the commit")),
        _cells("embedded", "relay", Fault.CUT, ("relay: after the publish", "relay: after the mark")),
        _cells("embedded", "ingest", Fault.SILENCE, ("before the publish",)),
        _cells("embedded", "router", Fault.SILENCE, ("before the commit",)),
        _cells("embedded", "ingest", Fault.NAMES, ("before the publish",)),
        _cells("embedded", "router", Fault.NAMES, ("before the commit",)),
        _cells("embedded", "ingest", Fault.CLOCK, ("after the publish",)),
        _cells("embedded", "router", Fault.CLOCK, ("after the fetch",)),
        _cells("embedded", "postgres", Fault.CLOCK, ("after the fetch",)),
        _cells("embedded", "ingest", Fault.DISK, ("before the blob", "before the publish")),
        _cells("embedded", "postgres", Fault.DISK, ("before the commit", "relay: after the publish")),
    )
)
KAFKA: Final = tuple(
    chain(
        _cells("kafka", "ingest", Fault.KILL, ("after the blob", "before the publish", STORED, "before the ack")),
        _cells("kafka", "router", Fault.KILL, ("between revoke and assign", "after the fetch", "before the commit")),
        _cells("kafka", "router", Fault.KILL, ("after the commit", "before the mirror")),
        _cells("kafka", "relay", Fault.KILL, ("relay: after the publish", "relay: after the mark")),
        _cells("kafka", "broker", Fault.KILL, ("before the publish", STORED, "after the fetch", "before the mirror")),
        _cells("kafka", "broker", Fault.KILL, ("relay: after the claim", "relay: after the publish")),
        _cells("kafka", "postgres", Fault.KILL, ("after the fetch", "after the commit")),
        _cells("kafka", "router", Fault.STOP, ("after the fetch", "before the commit")),
        _cells("kafka", "broker", Fault.STOP, ("before the publish", "relay: after the claim")),
        _cells("kafka", "broker", Fault.CUT, ("before the publish", "after the fetch", "relay: after the claim")),
        _cells("kafka", "broker", Fault.SILENCE, ("before the publish",)),
        _cells("kafka", "broker", Fault.NAMES, ("before the publish",)),
        _cells("kafka", "broker", Fault.DISK, ("before the publish", "relay: after the claim")),
    )
)
CELLS: Final = (*EMBEDDED, *KAFKA)

APART: Final = {
    "relay, as a process of its own": "it is a task of the router's process, and is struck with it",
    "the broker's clock": "the group's sessions are measured by a clock that does not jump (System.nanoTime)",
    "PostgreSQL's clock, all of it": "only leases read it, and they are made old at once",
    "the clock of relay and PostgreSQL's other users": "nothing of theirs is decided by the time of day",
    "names gone while connections stand": "nobody asks for a name then; so connections are cut, too",
    "names of PostgreSQL and of the broker": "they are asked for none",
    "cut or silence between revoke and assign": "it is a statement like others; SIGKILL and SIGSTOP strike there",
}
"""What has no cell, and why."""


def in_turn(cells: Sequence[Cell]) -> list[Cell]:
    """Put cells so that the daemon seldom begins again, as it does when the child to be struck is in a later life.

    Those that end no child come first; then intake and routers are killed in turn. Those on a small disk come last.
    """
    killed: Counter[bool] = Counter()
    places: dict[Cell, tuple[int, int]] = {}
    for cell in cells:
        is_intake = cell.process == "ingest"
        if cell.fault is Fault.KILL and (is_intake or cell.process in ("router", "relay")):
            places[cell] = (1, killed[is_intake])
            killed[is_intake] += 1
        else:
            places[cell] = (2 if cell.fault is Fault.DISK else 0, 0)
    return sorted(cells, key=lambda cell: places[cell])


def part_of_commit() -> int:
    """Give the part that this commit plays: the day on which it was made, modulo seven.

    So commits of seven days that follow each other play every cell once at least; a tree without git plays part 0.
    """
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(done.stdout) // DAY % PARTS if done.returncode == 0 and done.stdout.strip() else 0


def dealt(cells: Sequence[Cell], part: int) -> list[Cell]:
    """Give every seventh cell: neighbours of the table, which are alike, are played on different days."""
    return list(cells[part % PARTS :: PARTS])
