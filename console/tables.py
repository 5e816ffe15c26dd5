"""Tables for the terminal. Each takes plain data, as `--json` prints it, and gives what rich prints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from console.moments import moment, seconds
from console.safe_text import plain

Row = Mapping[str, object]

BETWEEN: Final = 3
AROUND: Final = 2
"""Characters between two columns, and at both ends, of the tables that `_empty` begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: the key of its values, and how it shows them. `limit` cuts values, in characters."""

    key: str
    title: str = ""
    justify: Literal["left", "right"] = "left"
    limit: int = 200
    style: str = ""
    ratio: int | None = None
    """Set where a column may be narrow and wrap; the others keep the width of what stands in them."""
    least: int = 12
    """Characters that a column that wraps has at least, or all that it needs."""
    spare: int = 0
    """Set where a column stays away when there is no room for all of them, the lowest first. Never set it for ids."""

    @property
    def heading(self) -> str:
        """Give the title, made of the key when none is set."""
        return self.title or self.key.replace("_", " ")


TICKETS: Final = (
    Column(key="number", style="bold"),
    Column(key="status"),
    Column(key="subject", ratio=3, least=14),
    Column(key="requester_name", title="customer", ratio=2, limit=40),
    Column(key="requester", ratio=2),
    Column(key="account", spare=3),
    Column(key="channel", spare=2),
    Column(key="message_count", title="messages", justify="right", spare=1),
)
SPOOL: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="reason", style="yellow"),
    Column(key="sender", ratio=2),
    Column(key="subject", ratio=2),
    Column(key="account", spare=1),
    Column(key="held_at", title="held since (UTC)", spare=2),
)
TOKENS: Final = (
    Column(key="prefix", title="token", style="bold"),
    Column(key="name", ratio=2),
    Column(key="state"),
    Column(key="scopes", ratio=3),
    Column(key="accounts", ratio=2),
    Column(key="expires_at", title="expires (UTC)", spare=2),
    Column(key="last_used_at", title="last used (UTC)", spare=1),
)
FORM_LINKS: Final = (
    Column(key="id", style="bold"),
    Column(key="state"),
    Column(key="label", ratio=2),
    Column(key="organisation", ratio=2, spare=2),
    Column(key="installation", title="serial number", ratio=1, spare=1),
    Column(key="url", title="address", ratio=4),
)
OLD_TICKETS: Final = (
    Column(key="desk", spare=2),
    Column(key="number", title="old number", style="bold"),
    Column(key="subject", ratio=3),
    Column(key="requester", ratio=2),
    Column(key="status", spare=1),
    Column(key="choice", title="goes on"),
    Column(key="ticket"),
)
DEAD_LETTERS: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="account", spare=2),
    Column(key="partition", justify="right", spare=3),
    Column(key="offset", justify="right", spare=4),
    Column(key="sqlstate", spare=1),
    Column(key="reason", ratio=3),
    Column(key="state"),
)
NOTICES: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="reason"),
    Column(key="state", style="yellow"),
    Column(key="why", ratio=3),
    Column(key="address", ratio=2),
    Column(key="number", title="ticket"),
    Column(key="account", spare=1),
    Column(key="created_at", title="since (UTC)", spare=2),
)
WEBHOOKS: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="name", ratio=2),
    Column(key="state", style="yellow"),
    Column(key="url", ratio=4),
    Column(key="accounts", ratio=2, spare=3),
    Column(key="types", ratio=2, spare=2),
    Column(key="pending", justify="right"),
    Column(key="succeeded_at", title="last success (UTC)", spare=1),
)
WEBHOOK_LOG: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="type"),
    Column(key="ticket"),
    Column(key="state", style="yellow"),
    Column(key="attempts", justify="right", spare=4),
    Column(key="status", justify="right", spare=3),
    Column(key="problem", ratio=3),
    Column(key="created_at", title="since (UTC)", spare=2),
    Column(key="next_at", title="next try (UTC)", spare=1),
)
WEBHOOK_TRIES: Final = (
    Column(key="attempt", title="try", justify="right", style="bold"),
    Column(key="tried_at", title="at (UTC)"),
    Column(key="took_ms", title="ms", justify="right"),
    Column(key="status", justify="right"),
    Column(key="problem", ratio=2),
    Column(key="answer", ratio=3),
    Column(key="next_at", title="next try (UTC)", spare=1),
)
PROBLEMS: Final = (
    Column(key="level", style="bold"),
    Column(key="where", ratio=2),
    Column(key="key", ratio=2),
    Column(key="reason", ratio=3),
)
KEYS: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="state"),
    Column(key="created_at", title="made"),
    Column(key="retired_at", title="retired"),
)
CHANNELS: Final = (
    Column(key="channel", style="bold"),
    Column(key="account", ratio=1),
    Column(key="state", style="yellow"),
    Column(key="delivered", justify="right"),
    Column(key="refused", title="refused", justify="right"),
    Column(key="waiting", title="to send", justify="right"),
    Column(key="rules", justify="right"),
)
STATUS: Final = (Column(key="what", style="bold"), Column(key="value", ratio=3))
LEDGER_SIDE: Final = ("ticketed", "held", "dead_lettered", "duplicates", "noted", "discarded", "erased", "in_flight")
LEDGER_ACROSS: Final = 5
"""Accounts, with "all", that stand side by side in the ledger; names of 10 characters then fit 80 columns."""
LEDGER: Final = (
    Column(key="account", style="bold"),
    Column(key="accepted", justify="right"),
    *(Column(key=key, justify="right") for key in LEDGER_SIDE),
    Column(key="refused", justify="right", style="dim"),
    Column(key="balanced"),
)


class Fitting:
    """A table that fits where it is printed: what may wrap wraps, and what can be spared stays away, and is named."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Row], *, title: str) -> None:
        self._columns = columns
        self._rows = [{column.key: _cell(row.get(column.key), column) for column in columns} for row in rows]
        self._title = title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Give the table for this width; rich asks."""
        del console
        shown = list(self._columns)
        for column in sorted((column for column in shown if column.spare), key=lambda column: column.spare):
            if self._width(shown) > options.max_width:
                shown.remove(column)
        yield self._table(shown)

    @property
    def width(self) -> int:
        """Give the characters that all columns need."""
        return self._width(self._columns)

    def _width(self, columns: Sequence[Column]) -> int:
        """Give the characters that these columns need, with those between and around them."""
        return sum(map(self._least, columns)) + BETWEEN * (len(columns) - 1) + AROUND

    def _least(self, column: Column) -> int:
        widest = max([cell_len(column.heading), *(row[column.key].cell_len for row in self._rows)])
        return widest if column.ratio is None else min(widest, column.least)

    def _table(self, columns: Sequence[Column]) -> Table:
        made = _empty(self._title)
        for column in columns:
            made.add_column(
                column.heading,
                justify=column.justify,
                style=column.style,
                ratio=column.ratio,
                overflow="fold",
                no_wrap=column.ratio is None,
            )
        for row in self._rows:
            made.add_row(*(row[column.key] for column in columns))
        away = [column.heading for column in self._columns if column not in columns]
        made.caption = f" no room for: {', '.join(away)} (--json has all)" if away else None
        return made


def table(columns: Sequence[Column], rows: Sequence[Row], *, title: str = "") -> Fitting:
    """Make a table. A value that is not there shows as nothing, yes and no as words."""
    return Fitting(columns, rows, title=title)


class FittingLedger:
    """The ledger: its words downwards and a few accounts side by side; many accounts downwards where there is room."""

    def __init__(self, rows: Sequence[Row], *, title: str) -> None:
        self._rows = rows
        self._title = title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Give one table for this width, or several below each other; rich asks."""
        del console
        downwards = table(LEDGER, self._rows, title=self._title)
        if len(self._rows) > LEDGER_ACROSS and downwards.width <= options.max_width:
            yield downwards
            return
        for first in range(0, len(self._rows), LEDGER_ACROSS):
            yield _ledger(self._rows[first : first + LEDGER_ACROSS], title="" if first else self._title)


def ledger(rows: Sequence[Row], *, title: str = "") -> FittingLedger:
    """Make the table of the ledger."""
    return FittingLedger(rows, title=title)


def _ledger(rows: Sequence[Row], *, title: str) -> Table:
    made = _empty(title)
    made.add_column("", style="bold", no_wrap=True)
    for row in rows:
        made.add_column(plain(str(row.get("account", ""))), justify="right", overflow="fold")
    for column in LEDGER[1:]:
        made.add_row(column.heading, *(_cell(row.get(column.key), column) for row in rows), style=column.style)
    return made


def facts(values: Row, *, title: str = "") -> Fitting:
    """Make a table of names and values."""
    rows = [{"what": key.replace("_", " "), "value": _fact(key, value)} for key, value in values.items()]
    return table(STATUS, rows, title=title)


def _empty(title: str) -> Table:
    return Table(
        title=title or None,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        expand=False,
        pad_edge=False,
    )


def _fact(key: str, value: object) -> object:
    """Show a single value by what it is: a moment, a time in seconds, or nothing."""
    if value is None or value in ([], ()):
        return "none"
    if key.endswith("_at") and isinstance(value, str):
        return moment(value)
    return round(value) if isinstance(value, float) else value


def _cell(value: object, column: Column) -> Text:
    """Show a value as text that rich does not read as markup."""
    if isinstance(value, bool):
        return Text("yes" if value else "NO", style="" if value else "bold red")
    if isinstance(value, int):
        return Text(f"{value:,}" if column.justify == "right" and column.key != "id" else str(value))
    if column.key.endswith("_at") and isinstance(value, str):
        return Text(seconds(value))
    if isinstance(value, list | tuple):
        return Text(plain(", ".join(map(str, value)), limit=column.limit))
    return Text(plain("" if value is None else str(value), limit=column.limit))
