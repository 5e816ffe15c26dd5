"""Wrong ways that a test can switch on: each breaks one promise, so that the checks can show that they notice.

They live here alone. The shipped program has no such switch: `faulted` swaps one method each for a wrong one, which is
taken only while the switch's file stands.
"""

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from fault_points import resolved

Method = Callable[..., Awaitable[Any]]

MOVED: Final = """
insert into consumer_offsets (consumer, topic, partition, next_offset, log_identity)
select %(consumer)s, %(topic)s, m.partition, m.next_offset, %(log_identity)s
from unnest(%(partitions)s::int[], %(next_offsets)s::bigint[]) as m (partition, next_offset)
on conflict (consumer, topic, partition) do update set next_offset = excluded.next_offset
"""
LATER: Final = """
select o.id, o.ticket_id, t.number, o.event, o.position from outbox o join tickets t on t.id = o.ticket_id
where o.position > %(last)s order by o.position limit %(limit)s
"""


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One wrong way: whose, of which method, and what is done instead, given the real one."""

    role: str
    target: str
    wrong: Callable[[Method, Path], Method]


def ack_before_store(real: Method, _: Path) -> Method:
    """Say yes at once, and store afterwards."""
    begun: set[asyncio.Task[Any]] = set()

    async def accept(intake: Any, deliveries: Any) -> tuple[str, ...]:
        task = asyncio.ensure_future(real(intake, deliveries))
        begun.add(task)
        return ("0" * 64,) * len(deliveries)

    return accept


def _moves(log: Any, moves: Any) -> dict[str, Any]:
    return {
        **log._asdict(),
        "partitions": [move.partition for move in moves],
        "next_offsets": [move.next_offset for move in moves],
    }


def offsets_outside(_: Method, __: Path) -> Method:
    """Move the offsets in a transaction of their own, before the work."""

    async def move(transaction: Any, log: Any, moves: Any) -> bool:
        where = transaction._connection.info.dsn
        async with await psycopg.AsyncConnection.connect(where, autocommit=True) as connection:
            await connection.execute(MOVED, _moves(log, moves))
        return True

    return move


def no_fence(_: Method, __: Path) -> Method:
    """Set the offsets without comparing: whoever was the consumer once is believed to be it still."""

    async def move(transaction: Any, log: Any, moves: Any) -> bool:
        await transaction._connection.execute(MOVED, _moves(log, moves))
        return True

    return move


def no_unique_key(_: Method, __: Path) -> Method:
    """Claim no delivery key: nothing was ever here before."""

    async def claim(_: Any, __: Any) -> Mapping[bytes, int | None]:
        return {}

    return claim


def relay_after_last(_: Method, folder: Path) -> Method:
    """Relay what has a number greater than the last one that was relayed."""
    from ticket_store.outbox import UnpublishedEvent  # noqa: PLC0415 - behind the clock

    async def read(_: Any, connection: Any, __: Any, limit: int, ___: Any) -> list[UnpublishedEvent]:
        file = folder / "relay-last"
        last = int(file.read_text()) if file.exists() else 0
        async with connection.cursor() as cursor:
            await cursor.execute(LATER, {"last": last, "limit": limit})
            rows = await cursor.fetchall()
        if rows:
            new = folder / f"relay-last.{os.getpid()}"
            new.write_text(str(rows[-1][4]))
            new.rename(file)
        return [UnpublishedEvent(id=r[0], ticket_id=r[1], number=r[2], event=r[3]) for r in rows]

    return read


SWITCHES: Final[Mapping[str, Switch]] = {
    "ack before store": Switch(role="ingest", target="connectors.intake:Intake.accept", wrong=ack_before_store),
    "offsets outside the transaction": Switch(
        role="route", target="ticket_store.routing:RoutingTransaction.move_offsets", wrong=offsets_outside
    ),
    "no fence": Switch(role="route", target="ticket_store.routing:RoutingTransaction.move_offsets", wrong=no_fence),
    "no unique key": Switch(
        role="route", target="ticket_store.routing:RoutingTransaction.claim_deliveries", wrong=no_unique_key
    ),
    "relay after the last": Switch(
        role="route", target="ticket_store.outbox:PostgresOutbox._read", wrong=relay_after_last
    ),
}


def swap(folder: Path, *, role: str) -> None:
    """Put every wrong way of a role in place; each is taken only while its file stands."""
    for name, switch in SWITCHES.items():
        if switch.role == role:
            owner, method = resolved(switch.target)
            real = getattr(owner, method)
            setattr(owner, method, _either(real, switch.wrong(real, folder), folder / f"sabotage-{name}"))
    if role == "route":
        _without_gates(folder / "sabotage-claims without gates")
    if role == "ingest":
        _without_sync(folder / "sabotage-no blob sync")


def _either(real: Method, wrong: Method, switch: Path) -> Method:
    @functools.wraps(real)
    async def chosen(*given: Any, **more: Any) -> Any:
        return await (wrong if switch.exists() else real)(*given, **more)

    return chosen


def _without_sync(switch: Path) -> None:
    """Believe that what is written is on the disk."""
    from ticket_store.blobs_journaled import JournaledBlobStore  # noqa: PLC0415 - behind the clock
    from ticket_store.blobs_local import LocalBlobStore  # noqa: PLC0415 - behind the clock

    def sync(file: int) -> None:
        if not switch.exists():
            os.fsync(file)

    for store in (JournaledBlobStore, LocalBlobStore):
        vars(store)["__init__"].__kwdefaults__["sync"] = sync


def _without_gates(switch: Path) -> None:
    """Let every candidate in."""
    from router import gates  # noqa: PLC0415 - behind the clock

    real = gates.refused_by

    def let_in(asked: Any, case: Any, candidate: Any) -> Any:
        return None if switch.exists() else real(asked, case, candidate)

    setattr(gates, "refused_by", let_in)  # noqa: B010 - a plain assignment has types that do not fit
