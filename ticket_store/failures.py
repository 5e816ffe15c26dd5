"""Whose fault is a failed transaction? PostgreSQL's SQLSTATE classes, and what psycopg raises before asking it.

Source: PostgreSQL documentation, appendix A ("PostgreSQL Error Codes").
"""

from typing import Final

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from schemas.placement import Fault

AGAIN: Final = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: nothing is wrong, read and decide again."""

TAKEN: Final = "23505"
"""Unique violation. What records bring is inserted `on conflict do nothing`, so what is taken is a number of ours."""

RECORD: Final = frozenset({"22", "23", "54"})
"""Data exception, integrity constraint, program limit: the same record fails again tomorrow."""

OURS: Final = frozenset({"08", "25", "28", "3D", "40", "53", "55", "57", "58", "XX"})
"""Connection, transaction state, log-in, resources, locks, operator intervention, system: wait and try again."""


def fault_of(error: BaseException) -> tuple[Fault, str]:
    """Give whose fault it is, and the SQLSTATE ("" without one). `UNKNOWN` may be this program's own, and pass."""
    if isinstance(error, psycopg.Error):
        state = error.sqlstate or ""
        return _by_state(state) or _by_class(error), state
    if isinstance(error, PoolTimeout | PoolClosed | TooManyRequests | OSError):
        return Fault.OURS, ""
    if isinstance(error, UnicodeEncodeError):
        return Fault.RECORD, "22021"
    return Fault.UNKNOWN, ""


def _by_state(state: str) -> Fault | None:
    if state in AGAIN:
        return Fault.AGAIN
    if state == TAKEN:
        return Fault.UNKNOWN
    if state[:2] in RECORD:
        return Fault.RECORD
    return Fault.OURS if state[:2] in OURS else None


def _by_class(error: psycopg.Error) -> Fault:
    """Judge what has no SQLSTATE: psycopg refuses some values itself (NUL in text), and loses connections."""
    if isinstance(error, psycopg.DataError):
        return Fault.RECORD
    return Fault.OURS if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else Fault.UNKNOWN
