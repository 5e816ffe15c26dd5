"""Tables for the terminal. Each takes plain data, as `--json` prints it, and gives a rich table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich import box
from rich.table import Table
from rich.text import Text

from console.safe_text import plain

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: the key of its values, and how it shows them. `limit` cuts values, in characters."""

    key: str
    title: str = ""
    justify: Literal["left", "right"] = "left"
    limit: int = 200
    style: str = ""
    ratio: int | None = None

    @property
    def heading(self) -> str:
        """Give the title, made of the key when none is set."""
        return self.title or self.key.replace("_", " ")


TICKETS: Final = (
    Column(key="number", style="bold"),
    Column(key="status"),
    Column(key="subject", ratio=3),
    Column(key="requester", ratio=2),
    Column(key="account"),
    Column(key="channel"),
    Column(key="message_count", title="messages", justify="right"),
)
SPOOL: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="reason", style="yellow"),
    Column(key="sender", ratio=2),
    Column(key="subject", ratio=2),
    Column(key="account"),
    Column(key="held_at", title="held since"),
)
DEAD_LETTERS: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="account"),
    Column(key="partition", justify="right"),
    Column(key="offset", justify="right"),
    Column(key="sqlstate"),
    Column(key="reason", ratio=3),
    Column(key="state"),
)
PROBLEMS: Final = (
    Column(key="level", style="bold"),
    Column(key="where"),
    Column(key="key"),
    Column(key="reason", ratio=3),
)
CHANNELS: Final = (Column(key="channel", style="bold"), Column(key="what", ratio=3), Column(key="accounts", ratio=2))
STATUS: Final = (Column(key="what", style="bold"), Column(key="value", ratio=3))
LEDGER_SIDE: Final = ("ticketed", "held", "dead_lettered", "duplicates", "noted", "discarded", "erased", "in_flight")
LEDGER: Final = (
    Column(key="account", style="bold"),
    Column(key="accepted", justify="right"),
    *(Column(key=key, justify="right") for key in LEDGER_SIDE),
    Column(key="refused", justify="right", style="dim"),
    Column(key="balanced"),
)


def table(columns: Sequence[Column], rows: Sequence[Row], *, title: str = "") -> Table:
    """Make a table. A value that is not there shows as nothing, yes and no as words."""
    made = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, expand=False, pad_edge=False)
    for column in columns:
        made.add_column(
            column.heading, justify=column.justify, style=column.style, ratio=column.ratio, overflow="ellipsis"
        )
    for row in rows:
        made.add_row(*(_cell(row.get(column.key), column) for column in columns))
    return made


def facts(values: Row, *, title: str = "") -> Table:
    """Make a table of names and values."""
    rows = [{"what": key.replace("_", " "), "value": value} for key, value in values.items()]
    return table(STATUS, rows, title=title)


def _cell(value: object, column: Column) -> Text:
    """Show a value as text that rich does not read as markup."""
    if isinstance(value, bool):
        return Text("yes" if value else "NO", style="" if value else "bold red")
    if isinstance(value, int):
        return Text(f"{value:,}" if column.justify == "right" and column.key != "id" else str(value))
    if column.key.endswith("_at") and isinstance(value, str):
        return Text(plain(value.replace("T", " "))[:19])
    if isinstance(value, list | tuple):
        return Text(plain(", ".join(map(str, value)), limit=column.limit))
    return Text(plain("" if value is None else str(value), limit=column.limit))
