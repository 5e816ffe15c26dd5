"""The ledger: every record on the inbound topic, counted by offsets, has exactly one outcome in the store.

Why a running system is never called unbalanced by mistake: the router moves a partition's stored offset in the very
transaction that writes the outcomes of its records. Offsets and outcomes are read in one REPEATABLE READ snapshot, so
the offset of each partition equals the number of its outcomes, whatever commits meanwhile. The end of the log is read
after that snapshot and cannot be behind it; what lies between is in flight.

Counts alone would let one row too many hide one too few, so the sum of offsets is compared too, partition by partition.
"""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row, kwargs_row

from ticket_store.statements import statement

OUTCOMES: Final = ("ticketed", "held", "dead_lettered", "duplicates", "noted", "discarded", "erased")
FIRST_FEW: Final = 20
"""How many irregular places a diagnosis names."""


class PartitionEnd(Protocol):
    """How far the log is in one partition; `bus` calls it a partition's state."""

    @property
    def partition(self) -> int:
        """Give its number."""
        ...

    @property
    def next_offset(self) -> int:
        """Give the offset that the next record will get."""
        ...


class Trouble(StrEnum):
    """What can be wrong with a range of offsets."""

    MISSING = "missing"
    DOUBLED = "doubled"
    AHEAD = "ahead_of_offset"
    UNPLACED = "without_offset"
    LOG_SHORT = "log_ends_before"


_MEANING: Final = {
    Trouble.MISSING: "were routed and have no outcome",
    Trouble.DOUBLED: "have more than one outcome",
    Trouble.AHEAD: "have an outcome, but the stored offset stands before them",
    Trouble.UNPLACED: "outcomes do not say from which offset they came",
    Trouble.LOG_SHORT: "were routed, but the log ends before them: it was made anew or lost records",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Irregularity:
    """Offsets `first` to `last` of a partition that are not as they should be."""

    trouble: Trouble
    partition: int | None
    first: int
    last: int

    def __str__(self) -> str:
        """Say it for people."""
        if self.trouble is Trouble.UNPLACED:
            return f"{self.last + 1} {_MEANING[self.trouble]}"
        return f"partition {self.partition}, offsets {self.first} to {self.last}: {_MEANING[self.trouble]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """One row a delivery, by what became of it. A dropped dead letter is discarded."""

    ticketed: int = 0
    held: int = 0
    dead_lettered: int = 0
    duplicates: int = 0
    noted: int = 0
    discarded: int = 0
    erased: int = 0

    @property
    def total(self) -> int:
        """Give the number of deliveries."""
        return sum(getattr(self, name) for name in OUTCOMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The proof. `refused` was never accepted and stands beside; `accounts` breaks the outcomes down."""

    accepted: int
    outcomes: Outcomes
    in_flight: int
    refused: int
    accounts: Mapping[str, tuple[Outcomes, int]]
    irregularities: tuple[Irregularity, ...] = ()

    @property
    def balanced(self) -> bool:
        """Say whether every accepted record is in exactly one place."""
        return not self.irregularities and self.accepted == self.outcomes.total + self.in_flight

    @property
    def diagnosis(self) -> str:
        """Say what is wrong and where; empty when balanced."""
        if self.balanced:
            return ""
        off = self.accepted - self.outcomes.total - self.in_flight
        places = "; ".join(map(str, self.irregularities))
        return f"accepted less outcomes and in flight is {off} instead of 0: {places}"

    def as_json(self) -> dict[str, Any]:
        """Give one JSON object, as `switchboard ledger --json` prints it."""
        accounts = [
            {"account": account, **asdict(outcomes), "refused": refused}
            for account, (outcomes, refused) in sorted(self.accounts.items())
        ]
        return {
            "accepted": self.accepted,
            **asdict(self.outcomes),
            "in_flight": self.in_flight,
            "refused": self.refused,
            "balanced": self.balanced,
            "diagnosis": self.diagnosis,
            "irregularities": [asdict(place) for place in self.irregularities],
            "accounts": accounts,
        }


class _Count(NamedTuple):
    """Rows of one outcome, account and partition, and the sum of their offsets."""

    outcome: str
    account: str
    partition: int | None
    deliveries: int
    offsets: int


@dataclass(slots=True)
class _Snapshot:
    positions: dict[int, int]
    counts: list[_Count]
    refused: Counter[str]
    irregularities: list[Irregularity] = field(default_factory=list)


async def read_ledger(
    connection: AsyncConnection[TupleRow],
    *,
    consumer: str,
    topic: str,
    log_ends: Callable[[], Awaitable[Iterable[PartitionEnd]]],
) -> Ledger:
    """Count everything. `log_ends` asks the bus for the partitions of `topic`; it is called after the snapshot.

    The connection must not stand in a transaction. Costs an index scan over all messages, a second a few millions.
    """
    snapshot = await _read_snapshot(connection, {"consumer": consumer, "topic": topic})
    ends = {end.partition: end.next_offset for end in await log_ends()}
    return Ledger(
        accepted=sum(ends.values()),
        outcomes=_outcomes(snapshot.counts),
        in_flight=sum(max(0, end - snapshot.positions.get(partition, 0)) for partition, end in ends.items()),
        refused=snapshot.refused.total(),
        accounts=_by_account(snapshot),
        irregularities=(*snapshot.irregularities, *_short_log(snapshot.positions, ends)),
    )


async def _read_snapshot(connection: AsyncConnection[TupleRow], which: dict[str, object]) -> _Snapshot:
    async with connection.transaction():
        await connection.execute(statement("ledger", "freeze"))
        positions = await connection.execute(statement("ledger", "positions"), which)
        snapshot = _Snapshot(dict(await positions.fetchall()), await _counts(connection, which), Counter())
        refused = await connection.execute(statement("ledger", "refused"))
        snapshot.refused.update(dict(await refused.fetchall()))
        if _is_irregular(snapshot):
            snapshot.irregularities = await _irregularities(connection, which, snapshot)
    return snapshot


async def _counts(connection: AsyncConnection[TupleRow], which: dict[str, object]) -> list[_Count]:
    async with connection.cursor(row_factory=kwargs_row(_Count)) as cursor:
        await cursor.execute(statement("ledger", "outcomes"), which)
        return await cursor.fetchall()


def _is_irregular(snapshot: _Snapshot) -> bool:
    """Compare number and sum of the offsets 0 .. n - 1 with those of the rows, partition by partition."""
    found: defaultdict[int | None, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in snapshot.counts:
        count, offsets = found[row.partition]
        found[row.partition] = (count + row.deliveries, offsets + row.offsets)
    expected: dict[int | None, tuple[int, int]] = {
        partition: (end, end * (end - 1) // 2) for partition, end in snapshot.positions.items()
    }
    return any(found[place] != expected.get(place, (0, 0)) for place in {*found, *expected})


async def _irregularities(
    connection: AsyncConnection[TupleRow], which: dict[str, object], snapshot: _Snapshot
) -> list[Irregularity]:
    async with connection.cursor(row_factory=class_row(Irregularity)) as cursor:
        await cursor.execute(statement("ledger", "irregularities"), {**which, "limit": FIRST_FEW})
        found = await cursor.fetchall()
    unplaced = sum(row.deliveries for row in snapshot.counts if row.partition is None)
    if unplaced:
        found.append(Irregularity(trouble=Trouble.UNPLACED, partition=None, first=0, last=unplaced - 1))
    return [Irregularity(**{**asdict(place), "trouble": Trouble(place.trouble)}) for place in found]


def _short_log(positions: Mapping[int, int], ends: Mapping[int, int]) -> list[Irregularity]:
    return [
        Irregularity(trouble=Trouble.LOG_SHORT, partition=partition, first=ends.get(partition, 0), last=position - 1)
        for partition, position in sorted(positions.items())
        if ends.get(partition, 0) < position
    ]


def _outcomes(counts: Iterable[_Count]) -> Outcomes:
    totals: Counter[str] = Counter()
    for row in counts:
        totals[row.outcome] += row.deliveries
    return Outcomes(**{name: totals[name] for name in OUTCOMES})


def _by_account(snapshot: _Snapshot) -> dict[str, tuple[Outcomes, int]]:
    accounts = {row.account for row in snapshot.counts} | set(snapshot.refused)
    return {
        account: (_outcomes(row for row in snapshot.counts if row.account == account), snapshot.refused[account])
        for account in accounts
    }
