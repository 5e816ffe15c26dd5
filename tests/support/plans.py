"""How PostgreSQL does a named statement, and how many rows it reads for it."""

import json
from typing import Any

from routing_lab import Lab

from ticket_store.statements import statement


async def plan_of(lab: Lab, file: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    async with lab.pool.connection() as connection, connection.transaction(force_rollback=True):
        await connection.execute(statement("routing", "settings"))
        cursor = await connection.execute(f"explain (analyze, format json) {statement(file, name)}".encode(), values)
        row = await cursor.fetchone()
    assert row is not None
    found: dict[str, Any] = (row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]["Plan"]
    return found


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


def read(plan: dict[str, Any]) -> dict[str, int]:
    """Count what was read of each table, also what was left aside."""
    found: dict[str, int] = {}
    for node in nodes(plan):
        if "Relation Name" in node and "Scan" in node["Node Type"]:
            rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            found[node["Relation Name"]] = found.get(node["Relation Name"], 0) + int(rows)
    return found
