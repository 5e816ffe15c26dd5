"""Placing many held messages with one command: each in a transaction of its own, each reported."""

import getpass
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from rich.console import Console
from rich.progress import track

from daemon.asking import ask, check_account, check_known
from daemon.cli_options import print_line
from daemon.clock import now
from daemon.errors import NO, NOT_FOUND, USAGE, UserError
from daemon.listings import rows
from daemon.opened import Opened
from router.desk import DeskError
from schemas.placement import HoldReason
from ticket_store.spool import MACHINES, SpoolLine, list_spool

SHOW_PROGRESS: Final = 20
"""Messages from which on a bar says how far it is."""
_AGE: Final = re.compile(r"(\d{1,5})([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

Act = Callable[[Opened, int], Awaitable[str]]
"""Does something with one held message, and says what became of it. Raises `DeskError` when it cannot be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which held messages: by their numbers, or by reason, account and age."""

    ids: Sequence[int] = ()
    reason: str | None = None
    account: str | None = None
    held_longer_than: timedelta | None = None

    @property
    def filters(self) -> bool:
        """Whether anything but numbers is given."""
        return self.reason is not None or self.account is not None or self.held_longer_than is not None


def age(text: str | None, *, option: str = "--older-than") -> timedelta | None:
    """Read `12h`, `30d` or `2w`. Raises `UserError`."""
    if text is None:
        return None
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise UserError(f"{option} takes a number and h, d or w, such as 12h, 30d or 2w", code=USAGE)
    return int(found[1]) * _UNITS[found[2]]


def who(by: str | None) -> str:
    """Give the name that stands in the trace: as said, or the system's name of who types."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError):
        return "an operator"


def check_which(which: Which, *, machines_only: bool) -> None:
    """Refuse what names nothing, or both ways, or a filter that could sweep people's messages away."""
    if bool(which.ids) == which.filters:
        raise UserError("name messages by their ids, or choose them by --reason, --account, --older-than", code=USAGE)
    check_known("reason", which.reason, HoldReason)
    if machines_only and which.filters and which.reason not in MACHINES:
        raise UserError(
            f"only machines' mail can be chosen so: --reason {' or '.join(MACHINES)}; people's messages by their ids",
            code=USAGE,
        )


def each(which: Which, act: Act, *, doing: str, dry_run: bool) -> int:
    """Act on every chosen message and report each; 1 when something could not be done."""

    async def work(store: Opened) -> int:
        chosen = await _chosen(store, which)
        if dry_run:
            for message in chosen:
                print_line(f"message {message}: would be {doing}")
            return 0
        return await _all(store, chosen, act)

    return ask(work)


async def _all(store: Opened, chosen: Sequence[int], act: Act) -> int:
    console = Console(file=sys.stderr)
    shown = len(chosen) >= SHOW_PROGRESS and console.is_terminal
    failed = 0
    for message in track(chosen, description="placing", console=console, disable=not shown):
        try:
            print_line(f"message {message} {await act(store, message)}")
        except DeskError as error:
            if len(chosen) == 1:
                raise
            failed += 1
            sys.stderr.write(f"switchboard: {error}\n")
    if not chosen:
        raise UserError("nothing is held that fits", code=NOT_FOUND)
    return NO if failed else 0


async def _chosen(store: Opened, which: Which) -> list[int]:
    if which.ids:
        return list(dict.fromkeys(which.ids))
    moment = now()
    async with store.pool.connection() as connection:
        await check_account(store, connection, which.account)
        found = await rows(partial(_page, connection, which, moment), most=None)
    least = which.held_longer_than or timedelta(0)
    return [line.id for line in found if timedelta(seconds=line.age_seconds) >= least]


def _page(
    connection: AsyncConnection[TupleRow], which: Which, moment: datetime, last: SpoolLine | None, most: int
) -> Awaitable[list[SpoolLine]]:
    after, reason, account = last.id if last else None, which.reason, which.account
    return list_spool(connection, now=moment, reason=reason, account=account, after_id=after, limit=most)
