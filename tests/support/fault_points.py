"""Points of the daemon at which a test can hold it, each before or after one method of the real program.

What comes to a point that is armed waits there, without blocking its process: other work goes on, as it does when a
disk or a server is slow. So a fault strikes with something in flight exactly there, and the number is known.
"""

import asyncio
import functools
import importlib
import itertools
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

LOOK_EVERY: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Before or after a method; `counts` says of its result (or, before it, of its arguments) whether it matters."""

    role: str
    target: str
    when: Literal["before", "after"]
    counts: Callable[[Any], bool] = lambda _: True


def _some(result: Any) -> bool:
    return bool(result)


POINTS: Final[Mapping[str, Point]] = {
    "before the blob": Point(role="ingest", target="connectors.intake:Intake._put", when="before"),
    "after the blob": Point(role="ingest", target="connectors.intake:Intake._put", when="after"),
    "before the publish": Point(role="ingest", target="daemon.sink:BusSink.publish", when="before"),
    "stored, not said": Point(role="ingest", target="daemon.wiring:LatePublisher.publish", when="after"),
    "after the publish": Point(role="ingest", target="daemon.sink:BusSink.publish", when="after"),
    "before the ack": Point(role="ingest", target="connectors.intake:Intake.accept", when="after"),
    "between revoke and assign": Point(role="route", target="daemon.adapters:StoredPositions.__call__", when="before"),
    "after the fetch": Point(role="route", target="router.worker:RouterWorker._fetch", when="after", counts=_some),
    "after the offsets": Point(
        role="route", target="ticket_store.routing:RoutingTransaction.move_offsets", when="after"
    ),
    "after the claims": Point(role="route", target="ticket_store.routing:RoutingTransaction.lock_ids", when="after"),
    "before the commit": Point(role="route", target="ticket_store.routing:RoutingTransaction.write", when="after"),
    "after the commit": Point(role="route", target="router.batch:BatchRouter._attempt", when="after"),
    "before the mirror": Point(
        role="route", target="router.worker:RouterWorker._report", when="before", counts=lambda given: bool(given[1])
    ),
    "relay: after the claim": Point(
        role="route", target="ticket_store.outbox:PostgresOutbox._read", when="after", counts=_some
    ),
    "relay: after the publish": Point(role="route", target="daemon.adapters:TopicSink.publish", when="after"),
    "relay: after the mark": Point(role="route", target="ticket_store.outbox:ClaimedEvents.mark", when="after"),
    "relay: after the commit": Point(role="route", target="router.relay:Relay.round", when="after", counts=_some),
}


class Gate:
    """Holds what comes to an armed point of this process."""

    def __init__(self, *, folder: Path, process: str) -> None:
        self._folder = folder
        self._process = process
        self._numbers = itertools.count()
        (folder / "held").mkdir(exist_ok=True)

    async def reach(self, point: str) -> None:
        """Wait while the point is armed, and be counted meanwhile."""
        place = f"{point}@{self._process}"
        armed = self._folder / f"{place}.armed"
        if not armed.exists():
            return
        mark = self._folder / "held" / f"{place}@{os.getpid()}-{next(self._numbers)}"
        mark.touch()
        try:
            while armed.exists():  # noqa: ASYNC110 - it is a file: another process takes it away
                await asyncio.sleep(LOOK_EVERY)
        finally:
            mark.unlink(missing_ok=True)


def wrap(gate: Gate, *, role: str) -> None:
    """Put the gate before or after every point that this role passes."""
    for name, point in POINTS.items():
        if point.role == role:
            owner, method = resolved(point.target)
            setattr(owner, method, _held(getattr(owner, method), gate, name, point))


def resolved(target: str) -> tuple[Any, str]:
    """Give the class and the name of a method `module:Class.method`; fails when the program has no such method."""
    module, _, path = target.partition(":")
    owner_name, _, method = path.partition(".")
    owner = getattr(importlib.import_module(module), owner_name)
    getattr(owner, method)
    return owner, method


def _held(real: Callable[..., Awaitable[Any]], gate: Gate, name: str, point: Point) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(real)
    async def wrapped(*given: Any, **more: Any) -> Any:
        if point.when == "before" and point.counts(given):
            await gate.reach(name)
        result = await real(*given, **more)
        if point.when == "after" and point.counts(result):
            await gate.reach(name)
        return result

    return wrapped
