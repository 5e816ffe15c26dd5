"""`make bench`: thousands of open chats on one process: what they hold in memory, and how fast messages go over them.

    python bench/chats.py [--chats 10000] [--rate 500] [--seconds 20] [--replies 50] [--engines postgres] [--quick]

Pages say hello and ping as the widget does. Memory is the process's own share (PSS) once all are open and quiet.
Messages come at even distances on pages all over the place; a latency counts from when a message was due until its ack,
which is sent after the store. Replies are lines of the dialogue, as the sender of the way back writes them, until they
are on the page. Afterwards every message stands in the log exactly once.
"""

import argparse
import asyncio
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from bench.chat_load import Pages, allow_files
from bench.report import number, table
from bench.run import Settings, engine_settings
from bench.stored import open_log, stored_keys
from bench.subject import BenchError, Watch, deployment, since
from connectors.base import Account
from connectors.making import conversation_digest
from doubles.ports import free_port
from ticket_store.dialogues import PostgresDialogues
from ticket_store.pool import make_pool

ACCOUNT: Final = "site"
ORIGIN: Final = "https://shop.example"
TEXT: Final = "Hello! My parcel has not come yet, and the tracking page says it was delivered on Monday."
QUIET: Final = 26.0
"""Seconds after the last page came, before memory is looked at: each page has pinged once."""


@dataclass(kw_only=True)
class Options:
    """What the command line asks for."""

    chats: int
    rate: float
    seconds: float
    replies: float
    quiet: float
    engines: Sequence[str]


@dataclass(kw_only=True)
class Measured:
    """What one engine gave: memory in MB, times in ms."""

    before: float
    idle: float
    after: float
    opened: float
    acks: list[float]
    later: int
    lines: list[float]
    idle_processor: float
    processor: Mapping[str, float] = field(default_factory=dict)


class Replies:
    """Writes lines into dialogues at a rate, from a thread of its own; each has a text that says which it is."""

    def __init__(self, *, url: str, chats: Sequence[str], rate: float) -> None:
        self.said: dict[str, float] = {}
        self._url = url
        self._chats = chats
        self._rate = rate
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        if self._rate:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._rate:
            self._thread.join()

    async def _run(self) -> None:
        account = Account(name=ACCOUNT, channel="webchat", scope=ACCOUNT)
        pool = make_pool(self._url, name="bench", max_size=2)
        await pool.open()
        dialogues = PostgresDialogues(pool=pool, conninfo=self._url)
        began, count = time.perf_counter(), 0
        while not self._ended.is_set():
            digest = conversation_digest(account, self._chats[count * 6007 % len(self._chats)])
            text = f"reply {count}"
            self.said[text] = time.perf_counter()
            await dialogues.say(digest, echo=str(count), body=text, files=[], at=datetime.now(UTC))
            count += 1
            await asyncio.sleep(max(0.0, began + count / self._rate - time.perf_counter()))
        await pool.close()


def main() -> int:
    """Measure what was asked for, and print it as Markdown."""
    options = parse(sys.argv[1:])
    allow_files(options.chats + 500)
    found: dict[str, Measured] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        for engine in options.engines:
            settings = engine_settings(engine, stack)
            if settings is not None:
                found[engine] = measure(settings, options, progress, engine)
    print_results(options, found)
    return 0


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="chats", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chats", type=int, default=10_000, help="pages that are open")
    parser.add_argument("--rate", type=float, default=500, help="messages a second over all of them")
    parser.add_argument("--seconds", type=float, default=20, help="how long messages come")
    parser.add_argument("--replies", type=float, default=50, help="replies a second that go down meanwhile")
    parser.add_argument("--engines", default="postgres", help="postgres, kafka, or both with a comma")
    parser.add_argument("--quick", action="store_true", help="500 pages, 2 seconds")
    found = parser.parse_args(arguments)
    return Options(
        chats=min(found.chats, 500) if found.quick else found.chats,
        rate=found.rate,
        seconds=min(found.seconds, 2) if found.quick else found.seconds,
        replies=found.replies,
        quiet=1.0 if found.quick else QUIET,
        engines=found.engines.split(","),
    )


def settings_of(port: int, chats: int) -> dict[str, str]:
    """Give a chat whose limits are out of the way: all pages come from one address here."""
    account = {
        "CHANNEL": "webchat",
        "SECRET": "an invented secret of a chat for the bench",
        "ORIGINS": f'["{ORIGIN}"]',
        "MAX_SOCKETS": str(chats + 100),
        "MAX_SOCKETS_PER_ADDRESS": str(chats + 100),
        "MESSAGES_PER_MINUTE": "1000",
        "MESSAGES_PER_MINUTE_ADDRESS": "1000000",
        "MESSAGES_PER_SECOND": "10000",
    }
    return {
        "INTAKE__PORT": str(port),
        **{f"ACCOUNTS__{ACCOUNT.upper()}__{key}": value for key, value in account.items()},
    }


def measure(settings: Settings, options: Options, progress: Progress, engine: str) -> Measured:
    """Open the pages, look, let them talk, and look again."""
    port = free_port()
    own = {**settings, **settings_of(port, options.chats)}
    with deployment(own) as subject, subject.running("ingest") as watch:
        pages = Pages(port=port, account=ACCOUNT, origin=ORIGIN)
        before = memory_of(watch.pid)
        bar = progress.add_task(f"{engine}: pages", total=options.chats)
        began = time.perf_counter()
        pages.open(options.chats, each=lambda there: progress.update(bar, completed=there))
        opened = time.perf_counter() - began
        quiet = watch.processor()
        pages.wait(options.quiet)
        idle, idle_processor = memory_of(watch.pid), since(quiet, watch.processor()).get("ingest", 0.0) / options.quiet
        progress.update(bar, description=f"{engine}: messages", completed=0, total=options.rate * options.seconds)
        used = watch.processor()
        count = int(options.rate * options.seconds)
        with Replies(url=subject.url(), chats=[page.chat for page in pages.pages], rate=options.replies) as replies:
            pages.say(count, rate=options.rate, text=TEXT)
        pages.hear(set(replies.said))
        measured = Measured(
            before=before,
            idle=idle,
            after=memory_of(watch.pid),
            opened=opened,
            acks=sorted(pages.acks),
            later=pages.later,
            lines=sorted(pages.lines[text] - said for text, said in replies.said.items()),
            idle_processor=idle_processor,
            processor={part: 1000 * value / count for part, value in since(used, watch.processor()).items()},
        )
        pages.close()
        check(watch, settings, count, len(replies.said))
    return measured


def memory_of(pid: int) -> float:
    """Give the memory that a process has to itself, and its share of what it shares, in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise BenchError("the kernel does not tell what a process shares")


def check(watch: Watch, settings: Settings, said: int, receipts: int) -> None:
    """Refuse the figures of a run after which the log has not every message and receipt once."""

    async def look() -> tuple[int, int]:
        log = open_log(settings, watch.subject.url())
        try:
            keys = await stored_keys(log)
        finally:
            await log.close()
        return len(keys), keys.total()

    found = asyncio.run(look())
    if not (said <= found[0] <= said + receipts) or found[0] != found[1]:
        raise BenchError(
            f"{said} messages were acknowledged; the log has {found[1]} records, {found[0]} different ones"
        )


def print_results(options: Options, found: Mapping[str, Measured]) -> None:
    """Print the table."""
    title = f"{options.chats:,} chats, {options.rate:,.0f} messages a second for {options.seconds:g} s"
    rows = []
    for engine, one in found.items():
        rows += [
            [f"{engine}: memory without a chat", "MB", number(one.before)],
            [f"{engine}: memory, all chats idle", "MB", number(one.idle)],
            [f"{engine}: memory of one idle chat", "KB", number((one.idle - one.before) * 1000 / options.chats)],
            [f"{engine}: memory after the messages", "MB", number(one.after)],
            [f"{engine}: pages that come in", "a second", number(options.chats / one.opened)],
            [f"{engine}: processor of idle chats", "% of a core", number(100 * one.idle_processor)],
            [f"{engine}: from due to ack, half", "ms", number(1000 * share_of(one.acks, 0.5))],
            [f"{engine}: from due to ack, 99 %", "ms", number(1000 * share_of(one.acks, 0.99))],
            [f"{engine}: told to come again", "messages", number(one.later)],
            [f"{engine}: replies, half", "ms", number(1000 * share_of(one.lines, 0.5))],
            [f"{engine}: replies, 99 %", "ms", number(1000 * share_of(one.lines, 0.99))],
            *([f"{engine}: processor a message, {part}", "ms", number(ms)] for part, ms in one.processor.items()),
        ]
    print(f"\n## {title}\n\nEvery message stands in the log exactly once.\n")
    print(table(["what", "unit", "figure"], rows))


def share_of(values: Sequence[float], share: float) -> float:
    """Give what this share of sorted values stays under; 0 without any."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


if __name__ == "__main__":
    sys.exit(main())
