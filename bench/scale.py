"""`make bench`: the router on a store with a million tickets and four million messages, beside stores with few.

    python bench/scale.py [--tickets 1000000] [--replies 5000] [--runs 3] [--quick]

The store is filled by the server itself, analyzed, and the daemon is restarted. Then the router works off a filled log,
in turn on the large store and on a small one that was filled the same way: replies whose tickets are drawn uniformly,
each ticket once, so that both do the same work; and the mix, in turn with a store that is empty. At last the plans of
all that a reply asks of the store are looked at, in batches of 1, 10 and 50.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bench.drive import drive
from bench.kept import Kept
from bench.machine import database
from bench.mails import RECIPIENT, WORDS, Mail, Mix, Sort
from bench.report import table
from bench.scale_fill import DOMAIN, MESSAGES_A_TICKET, Connection, Filling, fill
from bench.scale_plans import Planned, look
from bench.subject import BenchError, Subject, deployment

ACCOUNT: Final = "support"
GOAL: Final = 0.8
"""What the large store shall reach of the small one's rate."""
OPENERS: Final = "select id, requester_address, subject from tickets where id = any(%s)"
WRITTEN: Final = "select wal_fpi, wal_bytes from pg_stat_wal"
REPORTED_EVERY: Final = 1.5
"""Seconds after which backends have told what they wrote."""
TICKETED: Final = "select count(*) from messages where id > %s and state = 'ticketed'"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asks for."""

    tickets: int
    replies: int
    runs: int
    quick: bool


@dataclass(kw_only=True)
class Store:
    """One deployment that was filled, and the tickets that were not answered yet."""

    name: str
    subject: Subject
    tickets: int
    random: Random
    unanswered: list[int] = field(default_factory=list)

    def fill(self, progress: Progress, bar: TaskID) -> None:
        """Fill it while an idle router runs, which makes the installation; the daemon stops afterwards."""
        filling = Filling(tickets=self.tickets, account=ACCOUNT, desk=RECIPIENT)
        with self.subject.running("route") as watch:

            def told(words: str, share: float) -> None:
                progress.update(bar, description=f"{self.name}: {words}", completed=share)

            fill(watch.subject.url(), filling, told)
        self.unanswered = self.random.sample(range(1, self.tickets + 1), min(self.tickets, 200_000))

    def replies(self, connection: Connection, count: int, run: str) -> list[Mail]:
        """Make replies to tickets that were not answered yet, drawn from all of them."""
        drawn, self.unanswered = self.unanswered[:count], self.unanswered[count:]
        found = {row[0]: row[1:] for row in connection.execute(OPENERS.encode(), [drawn])}
        return [reply(ticket, *found[ticket], run=run, random=self.random) for ticket in drawn]


def reply(ticket: int, sender: str, subject: str, *, run: str, random: Random) -> Mail:
    """Make the reply to the message that opened a ticket."""
    text = "\r\n".join(" ".join(random.choices(WORDS, k=10)) for _ in range(25))
    message_id = f"<{run}.{ticket}@reply.example>"
    raw = (
        f"From: {sender}\r\nTo: {RECIPIENT}\r\nSubject: Re: {subject}\r\nMessage-ID: {message_id}\r\n"
        f"In-Reply-To: <m{ticket}@{DOMAIN}>\r\nReferences: <m{ticket}@{DOMAIN}>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
    return Mail(sort=Sort.REPLY, sender=sender, message_id=message_id, request=ticket, raw=raw.encode())


def router_rate(subject: Subject, mails: Sequence[Mail], kept: Kept, name: str) -> None:
    """Fill the log, start the router after it, and note messages a second, first transaction to last commit.

    Beside it: what PostgreSQL wrote ahead, above all whole pages that it touched for the first time since a checkpoint.
    """
    with subject.running("ingest") as watch:
        before, last = watch.routed(), watch.last_message()
        drive(mails, port=subject.smtp_port)
        pages, written = written_ahead(watch.connection)
    with subject.running("route") as watch:
        watch.wait_until_routed(before + len(mails))
        seconds = time.time() - watch.first_transaction(after=last)
        row = watch.connection.execute(TICKETED.encode(), [last]).fetchone()
        if row is None or row[0] != len(mails):
            raise BenchError(f"of {len(mails)} messages {row and row[0]} stand on tickets")
        pages_after, written_after = written_ahead(watch.connection)
    kept.add(name, "messages/s", len(mails) / seconds)
    kept.add(f"{name}: whole pages written ahead", "a message", (pages_after - pages) / len(mails))
    kept.add(f"{name}: written ahead", "KB a message", (written_after - written) / len(mails) / 1000)


def written_ahead(connection: Connection) -> tuple[float, float]:
    """Give whole pages and bytes that went into the write-ahead log so far."""
    time.sleep(REPORTED_EVERY)
    row = connection.execute(WRITTEN.encode()).fetchone()
    return (float(row[0]), float(row[1])) if row else (0.0, 0.0)


def measure(options: Options, kept: Kept, progress: Progress) -> list[Planned]:
    """Fill the stores, run the router on them in turn, and look at plans."""
    with ExitStack() as stack:
        bars = [progress.add_task(name, total=1.0) for name in ("small", "large", "runs")]
        few = options.replies * options.runs
        small, large = (
            Store(name=name, subject=stack.enter_context(deployment({})), tickets=tickets, random=Random(name))
            for name, tickets in (("small", few), ("large", max(options.tickets, few)))
        )
        began = time.monotonic()
        for store, bar in zip((small, large), bars, strict=False):
            store.fill(progress, bar)
        kept.add("filling both stores", "s", time.monotonic() - began)
        empty = stack.enter_context(deployment({}))
        for run in range(options.runs):
            for store in (small, large):
                progress.update(bars[2], description=f"{store.name}: run {run + 1}", completed=run / options.runs)
                with store.subject.running("ingest") as watch:
                    kept.database = database(watch.connection)
                    mails = store.replies(watch.connection, options.replies, f"{store.name}{run}")
                router_rate(store.subject, mails, kept, f"replies, {store.name} store")
            for name, subject in (("empty", empty), ("large", large.subject)):
                mix = list(Mix(count=min(options.replies, 2000), seed=run, run=f"s{run}"))
                router_rate(subject, mix, kept, f"the mix, {name} store")
        with large.subject.running("ingest") as watch:
            return look(watch.connection, tickets=large.tickets)


def main() -> int:
    """Measure what was asked for, print it as Markdown, and keep it."""
    options = parse(sys.argv[1:])
    messages = options.tickets * MESSAGES_A_TICKET
    title = f"A store of {options.tickets:,} tickets and {messages:,} messages: the router alone, {options.runs} runs"
    kept = Kept(bench="scale", title=title, quick=options.quick, yardstick="replies, small store")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        planned = measure(options, kept, progress)
    kept.words += [*ratios(kept), plans_table(planned), *wrong(planned)]
    print(kept.markdown())
    kept.keep()
    return 1 if wrong(planned) else 0


def ratios(kept: Kept) -> list[str]:
    """Say what the large store reaches of its yardsticks."""
    rates = {name: median(values) for name, values in kept.values["messages/s"].items()}
    replies = rates["replies, large store"] / rates["replies, small store"]
    mix = rates["the mix, large store"] / rates["the mix, empty store"]
    verdict = "reached" if replies >= GOAL else "missed"
    return [f"Replies: {replies:.0%} of the small store's rate (goal: {GOAL:.0%}, {verdict}); the mix: {mix:.0%}."]


def plans_table(planned: Sequence[Planned]) -> str:
    """Show the rows that each statement looks at for one message, by the size of the batch."""
    sizes = sorted({one.size for one in planned})
    rows = {name: {one.size: one.rows for one in planned if one.name == name} for name in {p.name for p in planned}}
    shown = [[name, *(f"{found[size]:.1f}" for size in sizes)] for name, found in sorted(rows.items())]
    return table(["rows looked at, a message", *(f"batch of {size}" for size in sizes)], shown)


def wrong(planned: Sequence[Planned]) -> list[str]:
    """Name what read a table whole."""
    return [f"{one.name} reads {', '.join(one.whole)} whole in a batch of {one.size}." for one in planned if one.whole]


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scale", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tickets", type=int, default=1_000_000, help="of the large store, four messages each")
    parser.add_argument("--replies", type=int, default=5_000, help="of one run")
    parser.add_argument("--runs", type=int, default=3, help="of which the median counts")
    parser.add_argument("--quick", action="store_true", help="one run of 200 replies; 20,000 tickets")
    found = parser.parse_args(arguments)
    return Options(
        tickets=min(found.tickets, 20_000) if found.quick else found.tickets,
        replies=min(found.replies, 200) if found.quick else found.replies,
        runs=1 if found.quick else found.runs,
        quick=found.quick,
    )


if __name__ == "__main__":
    sys.exit(main())
