"""Tables for the terminal. Each takes plain data, as `--json` prints it, and gives a rich table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich import box
from rich.table import Table
from rich.text import Text

from console.moments import moment, seconds
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
    """Set where a column may be narrow and wrap; the others keep the width of what stands in them."""

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
    Column(key="held_at", title="held since (UTC)"),
)
TOKENS: Final = (
    Column(key="prefix", title="token", style="bold"),
    Column(key="name", ratio=2),
    Column(key="state"),
    Column(key="scopes", ratio=3),
    Column(key="accounts", ratio=2),
    Column(key="expires_at", title="expires (UTC)"),
    Column(key="last_used_at", title="last used (UTC)"),
)
FORM_LINKS: Final = (
    Column(key="id", style="bold"),
    Column(key="state"),
    Column(key="label", ratio=2),
    Column(key="organisation", ratio=2),
    Column(key="installation", title="serial number", ratio=1),
    Column(key="url", title="address", ratio=4),
)
OLD_TICKETS: Final = (
    Column(key="desk"),
    Column(key="number", title="old number", style="bold"),
    Column(key="subject", ratio=3),
    Column(key="requester", ratio=2),
    Column(key="status"),
    Column(key="choice", title="goes on"),
    Column(key="ticket"),
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
NOTICES: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="reason"),
    Column(key="state", style="yellow"),
    Column(key="why", ratio=3),
    Column(key="address", ratio=2),
    Column(key="number", title="ticket"),
    Column(key="account"),
    Column(key="created_at", title="since (UTC)"),
)
WEBHOOKS: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="name", ratio=2),
    Column(key="state", style="yellow"),
    Column(key="url", ratio=4),
    Column(key="accounts", ratio=2),
    Column(key="types", ratio=2),
    Column(key="pending", justify="right"),
    Column(key="succeeded_at", title="last success (UTC)"),
)
WEBHOOK_LOG: Final = (
    Column(key="id", justify="right", style="bold"),
    Column(key="type"),
    Column(key="ticket"),
    Column(key="state", style="yellow"),
    Column(key="attempts", justify="right"),
    Column(key="status", justify="right"),
    Column(key="problem", ratio=3),
    Column(key="created_at", title="since (UTC)"),
    Column(key="next_at", title="next try (UTC)"),
)
WEBHOOK_TRIES: Final = (
    Column(key="attempt", title="try", justify="right", style="bold"),
    Column(key="tried_at", title="at (UTC)"),
    Column(key="took_ms", title="ms", justify="right"),
    Column(key="status", justify="right"),
    Column(key="problem", ratio=2),
    Column(key="answer", ratio=3),
    Column(key="next_at", title="next try (UTC)"),
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


def table(columns: Sequence[Column], rows: Sequence[Row], *, title: str = "") -> Table:
    """Make a table. A value that is not there shows as nothing, yes and no as words."""
    made = _empty(title)
    for column in columns:
        made.add_column(
            column.heading,
            justify=column.justify,
            style=column.style,
            ratio=column.ratio,
            overflow="fold",
            no_wrap=column.ratio is None,
        )
    for row in rows:
        made.add_row(*(_cell(row.get(column.key), column) for column in columns))
    return made


def ledger(rows: Sequence[Row], *, title: str = "") -> Table:
    """Make a table of the ledger: the words downwards, so that it fits 80 columns; many accounts downwards instead."""
    if len(rows) > LEDGER_ACROSS:
        return table(LEDGER, rows, title=title)
    made = _empty(title)
    made.add_column("", style="bold", no_wrap=True)
    for row in rows:
        made.add_column(plain(str(row.get("account", ""))), justify="right", overflow="fold")
    for column in LEDGER[1:]:
        made.add_row(column.heading, *(_cell(row.get(column.key), column) for row in rows), style=column.style)
    return made


def facts(values: Row, *, title: str = "") -> Table:
    """Make a table of names and values."""
    rows = [{"what": key.replace("_", " "), "value": _fact(key, value)} for key, value in values.items()]
    return table(STATUS, rows, title=title)


def _empty(title: str) -> Table:
    return Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, expand=False, pad_edge=False)


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
