"""Keys of Telegram's objects, read without trust: what is of another type is as if it were not there."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors import tolerant
from connectors.making import line

Json = Mapping[str, Any]

_MAX_ID: Final = 2**63


def part(of: Json, key: str) -> Json:
    """Give the object under a key; empty when there is none."""
    return tolerant.fields(of.get(key))


def parts(of: Json, key: str) -> Iterator[Json]:
    """Give the objects of a list."""
    return (item for item in tolerant.items(of.get(key)) if isinstance(item, dict))


def number(of: Json, key: str) -> int | None:
    """Give an identifier, a date or a size: an integer of 64 bits; groups have negative ones."""
    found = of.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) < _MAX_ID else None


def words(of: Json, key: str, limit: int = 255) -> str:
    """Give a string as one clean line of at most `limit` characters."""
    found = of.get(key)
    return line(found, limit) if isinstance(found, str) else ""


def raw_text(of: Json, key: str) -> str:
    """Give a string as it came: offsets of entities count in it."""
    found = of.get(key)
    return found if isinstance(found, str) else ""


def flag(of: Json, key: str) -> bool:
    """Say whether a key is true."""
    return of.get(key) is True
