"""`legacy import`: what an old desk knows of its tickets, from a file into the store."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from console import tables
from daemon.cli_options import loaded_settings, print_json, print_table
from daemon.clock import now
from daemon.errors import NO, NOT_FOUND, USAGE, UserError
from daemon.import_files import Tally, mails
from daemon.legacy import chosen_desk, scopes_of
from daemon.legacy_files import encoding_of, format_of, read_csv, read_jsonl
from daemon.legacy_mbox import MailboxReader
from daemon.opened import Opened, with_store
from daemon.settings import Settings
from schemas.legacy import ImportedTicket
from ticket_store.legacy_import import LegacyImport, stage, store_staged

EVERY: Final = 500
"""Lines between two moves of the bar."""

TOLD: Final = 100
"""Bad lines that are told one by one; the rest is counted."""


class BadLines:
    """Tells bad lines as they come: where and why, never what stands in them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.count = 0

    def __call__(self, line: int, why: str) -> None:
        """Tell one."""
        self.count += 1
        if self.count <= TOLD:
            sys.stderr.write(f"switchboard: {self._file}:{line}: {why}\n")
        elif self.count == TOLD + 1:
            sys.stderr.write("switchboard: more bad lines are only counted\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file of an old desk. `encoding` and `format_` None: what the file looks like."""

    file: Path
    desk: str
    format_: str | None
    encoding: str | None


def run_import(export: Export, *, dry_run: bool, as_json: bool) -> int:
    """Import an export; 1 when lines were bad, 4 when there was nothing to import."""
    settings = loaded_settings().settings
    chosen_desk(settings, export.desk)
    if not export.file.is_file():
        raise UserError(f"{export.file}: there is no such file", code=NOT_FOUND)
    bad = BadLines(export.file)
    lines = _lines(export, settings, bad)
    if dry_run:
        numbers = {line.number for line in lines}
        return _say({"old tickets": len(numbers), "bad lines": bad.count}, bad, empty=not numbers, as_json=as_json)

    async def work(store: Opened) -> tuple[int, LegacyImport]:
        async with store.pool.connection() as connection:
            await connection.rollback()
            await connection.set_autocommit(True)
            total = await stage(connection, _watched(lines))
            with _bar("storing", total) as progress:
                done = await store_staged(
                    connection, total, desk=export.desk, scopes=scopes_of(settings), now=now(), progress=progress
                )
            return total, done

    total, done = with_store(work, may_be_new=True)
    summary = {key.replace("_", " "): value for key, value in asdict(done).items()}
    return _say({"old tickets": total, **summary, "bad lines": bad.count}, bad, empty=not total, as_json=as_json)


def _say(summary: dict[str, int], bad: BadLines, *, empty: bool, as_json: bool) -> int:
    if as_json:
        print_json({key.replace(" ", "_"): value for key, value in summary.items()})
    else:
        print_table(tables.facts(summary, title="Old tickets"))
    if bad.count:
        return NO
    return NOT_FOUND if empty else 0


def _lines(export: Export, settings: Settings, bad: BadLines) -> Iterator[ImportedTicket]:
    file, desk, format_ = export.file, settings.legacy[export.desk], format_of(export.file, export.format_)
    if format_ == "mbox":
        ours = frozenset(a for account in settings.mail_accounts().values() for a in account.addresses)
        reader = MailboxReader(desk=desk.desk(export.desk), ours=ours)
        yield from reader.read(mails(file, most=settings.smtp.max_mail_bytes, tally=Tally()), bad=bad)
        if reader.without_number:
            sys.stderr.write(
                f"switchboard: {file}: mails that name no ticket of the old desk: {reader.without_number:,}\n"
            )
        return
    read = read_csv if format_ == "csv" else read_jsonl
    zone = ZoneInfo(desk.tz) if desk.tz else UTC
    try:
        with file.open(encoding=export.encoding or encoding_of(file), errors="replace", newline="") as text:
            yield from read(text, zone=zone, bad=bad)
    except LookupError as error:
        raise UserError(f"there is no encoding {export.encoding}", code=USAGE) from error


def _watched(lines: Iterator[ImportedTicket]) -> Iterator[ImportedTicket]:
    with _bar("reading", None) as progress:
        for done, line in enumerate(lines, 1):
            yield line
            if done % EVERY == 0:
                progress(done)


@contextmanager
def _bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Give what hears of progress: a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
