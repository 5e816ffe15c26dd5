"""Loads the named SQL statements of the PostgreSQL log from `sql/*.sql`; parameters `:name` reach psycopg by name."""

from functools import cache
from pathlib import Path
from typing import LiteralString, cast

import aiosql

SQL = Path(__file__).parent / "sql"


@cache
def _statements(file: str) -> dict[str, LiteralString]:
    queries = aiosql.from_path(SQL / f"{file}.sql", "psycopg", mandatory_parameters=False)
    names = (name for name in queries.available_queries if not name.endswith("_cursor"))
    return {name: cast("LiteralString", getattr(queries, name).sql) for name in names}


def log_statement(name: str) -> LiteralString:
    """Give one statement about topics and records; `KeyError` names one that is not there."""
    return _statements("postgres_log")[name]


def group_statement(name: str) -> LiteralString:
    """Give one statement about members of a group; `KeyError` names one that is not there."""
    return _statements("postgres_group")[name]
