"""Writes `docs/settings.md`, the page of every setting, from the models of the settings.

    python -m daemon.settings_page

A test holds the page to the models.
"""

import inspect
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from daemon.settings_keys import Key, Table, tables

PAGE: Final = Path(__file__).parents[1] / "docs" / "settings.md"
UNITS: Final = {
    "bytes": "bytes",
    "seconds": "seconds",
    "minutes": "minutes",
    "hours": "hours",
    "days": "days",
    "timeout": "seconds",
    "age": "seconds",
}
"""Last words of a key that say its unit."""
SIZES: Final = ((1024 * 1024, "MiB"), (1024, "KiB"))
_PLAIN: Final = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    Path: "path",
    SecretStr: "text, secret",
    datetime: "date and time",
}

_BEGIN: Final = """\
# Settings

Every key that `switchboard.toml` may hold. This page is made from the models of the settings by
`python -m daemon.settings_page`: do not edit it by hand. An unknown key is an error, and `switchboard check` lists
every mistake at once.

A variable of the environment goes before the file. Its name is the key's path in capitals, with two underscores between
the parts. A list in a variable is written as JSON or with commas between. Relative paths count from the folder in which
Switchboard is started.
"""


def page() -> str:
    """Give the whole page."""
    return "\n".join([_BEGIN, *(line for table in tables() if table.keys for line in _section(table))]) + "\n"


def _section(table: Table) -> Iterator[str]:
    yield f"## `[{'.'.join(table.path)}]`" if table.path else "## Above all tables"
    yield ""
    if table.path:
        yield from (table.about, "")
    yield "| key and variable | takes | default | meaning |"
    yield "|---|---|---|---|"
    yield from (_row(key) for key in table.keys)
    yield ""


def _row(key: Key) -> str:
    cells = (f"`{key.path[-1]}`<br>`{key.variable}`", _takes(key), _default(key), key.field.description or "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def unit(key: Key) -> str:
    """Give the unit of a key's number; empty for what is counted or is no number."""
    return UNITS.get(key.path[-1].rpartition("_")[2], "")


def _takes(key: Key) -> str:
    kind = _kind(key.field.annotation)
    limits = _limits(key.field)
    return ", ".join(part for part in (kind, unit(key), limits) if part)


def _kind(annotation: Any) -> str:  # noqa: ANN401 - whatever stands behind a field's colon
    """Say in words what a key takes."""
    origin, inside = get_origin(annotation), [part for part in get_args(annotation) if part is not type(None)]
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in inside)
    if origin in (Union, UnionType) and len(inside) == 1:
        return _kind(inside[0])
    if origin is tuple:
        return "list of texts"
    if inspect.isclass(annotation) and issubclass(annotation, Enum):
        return " or ".join(f"`{choice.value}`" for choice in annotation)
    return _PLAIN.get(annotation, "text")


def _limits(field: FieldInfo) -> str:
    """Give the bounds of a number: `1 to 1000`, `at least 0`, `above 0 up to 30`."""
    found = {name: getattr(rule, name) for rule in field.metadata for name in ("ge", "gt", "le") if hasattr(rule, name)}
    low = f"{found['ge']}" if "ge" in found else f"above {found['gt']}" if "gt" in found else ""
    if "le" not in found:
        return f"at least {low}" if "ge" in found else low
    return f"{low} {'to' if 'ge' in found else 'up to'} {found['le']}".strip()


def _default(key: Key) -> str:
    if key.field.is_required():
        return "must be set"
    value = key.field.get_default(call_default_factory=True)
    if value is None or value == "":
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"`{value:g}`" if isinstance(value, float) else f"`{value}`{_size(key, value)}"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _size(key: Key, value: int) -> str:
    if unit(key) != "bytes":
        return ""
    return next((f" ({value // size} {name})" for size, name in SIZES if value and value % size == 0), "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
