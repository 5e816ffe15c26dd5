"""Reading fields of JSON that anybody may have made: what is not there or of another type is nothing, no exception.

What leaves here can be stored: no NUL, no lone surrogate, no integer beyond 64 bits, no NaN.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectors.making import clean

MAX_TEXT: Final = 1024 * 1024
"""Letters of a text: more than a body that we take can hold."""
MAX_NUMBER: Final = 2**53
LATEST: Final = 32_503_680_000
"""Seconds from 1970 to the year 3000."""


def fields(value: object) -> Mapping[str, Any]:
    """Give an object's fields; none for all else."""
    return value if isinstance(value, dict) else {}


def items(value: object, limit: int = 1000) -> list[Any]:
    """Give a list's items, so many at most; none for all else."""
    return value[:limit] if isinstance(value, list) else []


def text_of(value: object, limit: int = MAX_TEXT) -> str:
    """Give a text, or a number as a text; `limit` counts letters."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if isinstance(value, int):
        return str(value)[:limit] if abs(value) < 2**64 else ""
    return clean(value)[:limit]


def whole(value: object) -> int | None:
    """Give a whole number from 0 to 2^53; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        return None
    return value


def number(value: object) -> float | None:
    """Give a finite number; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    found = float(value) if abs(value) <= MAX_NUMBER else math.nan
    return found if math.isfinite(found) else None


def moment(value: object, *, per_second: int = 1) -> datetime | None:
    """Give a time that counts seconds (or 1,000 of a second) since 1970; None for all else and after the year 3000."""
    found = whole(value)
    if found is None or not 0 < found / per_second < LATEST:
        return None
    return datetime.fromtimestamp(found / per_second, UTC)
