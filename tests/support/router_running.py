"""A router worker with what it reads and what it says."""

from collections.abc import Mapping
from typing import Any

from routing_lab import ANYONE, ERRORS, START, Lab, LabConsumer, LabLog, Watch, mail

from router.policy import Policies
from router.positions import Positions
from router.worker import RouterWorker


def poison(name: str, **more: Any) -> bytes:
    """Make a record that decodes and that PostgreSQL refuses: NUL in text."""
    return mail(name, body=f"bad {name} \0", **more).model_dump_json().encode()


class Running:
    """A worker with what it reads and what it says."""

    def __init__(
        self,
        lab: Lab,
        log: LabLog,
        *,
        consumer: LabConsumer | None = None,
        policies: Policies = ANYONE,
        **choices: Any,
    ) -> None:
        self.consumer = consumer or LabConsumer(log)
        self.watch = Watch()
        self.positions = Positions(store=lab.store, consumer="router", topic="switchboard.inbound")
        self.worker = RouterWorker(
            consumer=self.consumer,
            errors=ERRORS,
            store=lab.store,
            positions=self.positions,
            policies=policies,
            source="/switchboard/lab",
            clock=lambda: START,
            health=self.watch,
            metrics=self.watch,
            **choices,
        )

    async def assigned(self) -> "Running":
        """Be given all partitions, as a consumer is before its first fetch."""
        found = await self.positions.load(list(self.consumer.next))
        self.consumer.next.update({partition: stored[0] for partition, stored in found.items()})
        return self

    async def drain(self) -> None:
        while await self.worker.turn(max_wait=0):
            pass


OFFSETS = """
    select partition, "offset", 'message' as kind from messages
    union all select partition, "offset", 'duplicate' from duplicates
    union all select partition, "offset", 'dead' from dead_letters
    order by 1, 2
"""


async def outcomes(lab: Lab) -> dict[tuple[int, int], list[str]]:
    found: dict[tuple[int, int], list[str]] = {}
    for row in await lab.rows(OFFSETS):
        found.setdefault((row["partition"], row["offset"]), []).append(row["kind"])
    return found


async def stored(lab: Lab) -> Mapping[int, int]:
    rows = await lab.rows("select partition, next_offset from consumer_offsets")
    return {row["partition"]: row["next_offset"] for row in rows}
