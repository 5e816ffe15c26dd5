"""Options that many commands share, and how their answers are printed."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from console.tables import Column
    from daemon.settings_load import Loaded


def _remember(value: Path | None) -> Path | None:
    """Keep the file for the whole command line (the option may stand before the command or after) and for children."""
    if value is not None:
        os.environ["SWITCHBOARD_CONFIG"] = str(value.absolute())
    return value


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings (TOML). Default: $SWITCHBOARD_CONFIG, or ./switchboard.toml when it is there.",
        callback=_remember,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
MOST: Final = 2**63 - 1
"""The largest id that the store can hold."""


def store_id(value: int) -> int:
    """Refuse what can be no id; a range of the command line library would fill the help page with digits."""
    if not 1 <= value <= MOST:
        raise typer.BadParameter(f"an id is a number from 1 to {MOST}")
    return value


Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Rows at most. Default: 100 in a table, all with --json."),
]


Account = Annotated[str | None, typer.Option(metavar="NAME", help="Of this account alone.")]


def loaded_settings() -> "Loaded":
    """Read the settings. Raises `UserError` that lists every mistake."""
    from daemon.errors import NO, UserError  # noqa: PLC0415 - see `daemon.cli`
    from daemon.settings_load import load  # noqa: PLC0415 - see `daemon.cli`
    from daemon.settings_problems import SettingsError  # noqa: PLC0415 - see `daemon.cli`

    try:
        return load(None, os.environ, Path.cwd())
    except SettingsError as error:
        raise UserError(str(error), code=NO) from error


def print_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def print_rows(rows: Sequence[Mapping[str, Any]], columns: "Sequence[Column]", *, as_json: bool, nothing: str) -> None:
    """Print a listing: an array of objects, or a table, or a sentence when there is nothing."""
    if as_json:
        print_json(list(rows))
    elif not rows:
        sys.stdout.write(f"{nothing}\n")
    else:
        from console.tables import table  # noqa: PLC0415 - see `daemon.cli`

        print_table(table(columns, rows))


def print_table(made: "RenderableType") -> None:
    """Print a table as wide as the terminal, or as $COLUMNS says; 160 characters where there is neither."""
    from rich.console import Console  # noqa: PLC0415 - see `daemon.cli`

    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    Console(width=None if known else 160, soft_wrap=False).print(made)


def print_text(text: str) -> None:
    """Print a text of several lines."""
    sys.stdout.write(f"{text}\n")


def print_line(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{text}\n")
