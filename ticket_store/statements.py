"""Loads the named SQL statements of this room.

Every statement stands in `sql/*.sql` under `-- name: <name>` with one line that says what it does. Parameters are
written `:name` and reach psycopg as `%(name)s`.
"""

from functools import cache
from pathlib import Path
from typing import LiteralString, cast

import aiosql

SQL = Path(__file__).parent / "sql"


@cache
def statement(file: str, name: str) -> LiteralString:
    """Give one statement; `KeyError` names a statement that is not there."""
    return statements(file)[name]


@cache
def statements(file: str) -> dict[str, LiteralString]:
    """Give all statements of one file by name."""
    queries = aiosql.from_path(SQL / f"{file}.sql", "psycopg", mandatory_parameters=False)
    return {
        name: cast("LiteralString", getattr(queries, name).sql)
        for name in queries.available_queries
        if not name.endswith("_cursor")
    }
