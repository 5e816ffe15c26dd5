"""How the server does what placing a reply asks of a large store, in batches of a few sizes: by EXPLAIN (ANALYZE).

Every statement is run for real with keys that exist, drawn over all tickets, and undone. No table may be read whole,
and the rows that are looked at for one message are counted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import psycopg

from bench.scale_fill import TABLES, Connection
from ticket_store.statements import statement

SIZES: Final = (1, 10, 50)
ASKED: Final = (
    ("routing", "taken_deliveries", ("keys",)),
    ("routing", "insert_ids", ("scopes", "digests")),
    ("routing", "lock_ids", ("scopes", "digests")),
    ("routing", "insert_matches", ("match_keys",)),
    ("routing", "lock_matches", ("match_keys",)),
    ("routing", "reached_held", ("scopes", "digests")),
    ("routing", "known_messages", ("message_ids",)),
    ("routing", "quoted_ids", ("scopes", "digests", "address_keys")),
    ("routing", "open_matches", ("match_keys",)),
    ("routing", "followers", ("ticket_ids",)),
    ("routing", "tickets_by_numbers", ("numbers",)),
    ("routing", "lock_tickets", ("ticket_ids",)),
    ("routing", "participants", ("ticket_ids",)),
)
"""File, name and arguments of every statement with which a batch of replies reads the store."""

DRAWN: Final = """
    select t.id, t.number, t.scope, t.match_key, t.requester_key, m.own_digest, m.delivery_key
    from tickets t join messages m on m.id = t.id where t.id = any(%s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """How one statement was done for a batch: tables that it read whole, rows that it looked at for one message."""

    name: str
    size: int
    whole: tuple[str, ...]
    rows: float


def look(connection: Connection, *, tickets: int, seed: int = 1) -> list[Planned]:
    """Run every statement for batches of every size."""
    random = Random(f"plans/{seed}")
    found = []
    for size in SIZES:
        values = drawn(connection, [1 + random.randrange(tickets) for _ in range(size)])
        for file, name, columns in ASKED:
            plan = plan_of(connection, statement(file, name), {column: values[column] for column in columns})
            whole, rows = tuple(read_whole(plan)), rows_read(plan) / size
            found.append(Planned(name=f"{file}.{name}", size=size, whole=whole, rows=rows))
    return found


def drawn(connection: Connection, ids: Sequence[int]) -> dict[str, list[Any]]:
    """Give what a batch of replies to these tickets names."""
    rows = list(connection.execute(DRAWN.encode(), [list(ids)]))
    names = ("ticket_ids", "numbers", "scopes", "match_keys", "address_keys", "digests", "keys")
    found = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return {**found, "message_ids": found["ticket_ids"]}


def plan_of(connection: Connection, text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Run a statement as routing does, give what was done, and undo it."""
    with connection.transaction(force_rollback=True):
        connection.execute(statement("routing", "settings"))
        row = connection.execute(f"explain (analyze, format json) {text}".encode(), values).fetchone()
    if row is None:
        raise psycopg.DataError("EXPLAIN gave nothing")
    plans = row[0] if isinstance(row[0], list) else json.loads(row[0])
    plan: dict[str, Any] = plans[0]["Plan"]
    return plan


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give all nodes of a plan."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def read_whole(plan: Mapping[str, Any]) -> Iterator[str]:
    """Name tables that are read in sequence, or through an index without a condition."""
    for node in nodes(plan):
        in_index = "Index Name" in node and "Index Cond" not in node
        if node.get("Relation Name") in TABLES and (node["Node Type"] == "Seq Scan" or in_index):
            yield str(node["Relation Name"])


def rows_read(plan: Mapping[str, Any]) -> int:
    """Count the rows that were looked at, those that were left aside as well."""
    tables = [node for node in nodes(plan) if node.get("Relation Name") in TABLES and "Scan" in node["Node Type"]]
    return sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]) for node in tables
    )
