"""What all listings share: rows as dataclasses, and dataclasses as JSON values."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row, dict_row

MOST_ROWS: Final = 1000
"""A listing gives at most so many rows at a time."""

_T = TypeVar("_T")


def _unchanged(value: object) -> object:
    return value


_PLAIN: Final[Mapping[type, Callable[[Any], object]]] = {bytes: bytes.hex, datetime: datetime.isoformat, UUID: str}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """An attachment as people see it; `sha256` is empty when its bytes are not stored."""

    name: str
    content_type: str
    size: int | None
    state: str
    reason: str
    sha256: str


async def fetch_all(
    connection: AsyncConnection[TupleRow], query: LiteralString, parameters: Mapping[str, object], row: type[_T]
) -> list[_T]:
    """Run one query and make each row an object; columns are its fields."""
    async with connection.cursor(row_factory=class_row(row)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()


async def fetch_rows(
    connection: AsyncConnection[TupleRow], query: LiteralString, parameters: Mapping[str, object]
) -> list[dict[str, Any]]:
    """Run one query and give its rows by column name."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()


def as_json(value: Any) -> Any:  # noqa: ANN401 - any JSON value may come out
    """Give a listing's object as plain JSON values: times in ISO 8601, bytes in hexadecimal."""
    if hasattr(value, "__dataclass_fields__"):
        return as_json(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return _PLAIN.get(type(value), _unchanged)(value)


def shown_files(details: Mapping[str, Any]) -> tuple[ShownFile, ...]:
    """Give the files of a stored message; what has its default value does not stand in `details`."""
    return tuple(
        ShownFile(
            name=file.get("name", ""),
            content_type=file.get("content_type", "application/octet-stream"),
            size=file.get("size"),
            state=file.get("state", "stored"),
            reason=file.get("reason", ""),
            sha256=(file.get("blob") or {}).get("sha256", ""),
        )
        for file in details.get("files", ())
    )


def checked_limit(limit: int) -> int:
    """Refuse what is no number of rows."""
    if not 1 <= limit <= MOST_ROWS:
        raise ValueError(f"a listing gives 1 to {MOST_ROWS} rows at a time, not {limit}")
    return limit
