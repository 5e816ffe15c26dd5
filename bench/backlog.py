"""An hour without a router: mail goes on to be taken, and then the router catches up with all of it.

    python bench/backlog.py [--mails 100000] [--engines postgres] [--quick]

Only the listener runs while the mails come. Then the router is started beside the filled log. Afterwards nothing may be
missing, every conversation stands in the order of the log, and its events in the order of its steps. Figures are how
long catching up takes and what the router's process holds in memory meanwhile.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

from bench.drive import drive
from bench.events import listening, out_of_order
from bench.kept import Kept
from bench.machine import database
from bench.mails import Mix
from bench.memory import thinned
from bench.memory_watch import MB, MemoryWatch
from bench.run import Settings, check, running_engines, say
from bench.subject import BenchError, Subject, deployment

AT_ONCE: Final = 2000
MISORDERED: Final = """
    select count(*) from (
        select "offset", lag("offset") over (partition by ticket_id, partition order by id) as before
        from messages where ticket_id is not null and direction = 'in'
    ) m where "offset" < before
"""
"""Messages that stand on their ticket behind one that came after them in the log."""
CONVERSATIONS: Final = "select count(*) from (select from messages group by ticket_id having count(*) > 1) c"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asks for."""

    mails: int
    engines: Sequence[str]
    quick: bool


def take(name: str, subject: Subject, options: Options, kept: Kept) -> None:
    """Let mails come while no router runs."""
    with subject.running("ingest") as watch:
        kept.database = database(watch.connection)
        seconds = 0.0
        for number, first in enumerate(range(0, options.mails, AT_ONCE)):
            count = min(AT_ONCE, options.mails - first)
            mails = list(Mix(count=count, seed=number, run=f"b{number}"))
            seconds += drive(mails, port=subject.smtp_port).seconds
            say(f"{name}: {first + count:,} of {options.mails:,} mails taken")
        kept.add(f"{name}: taken while no router runs", "mails/s", options.mails / seconds)
        if watch.routed():
            raise BenchError("a router ran")


def catch_up(name: str, subject: Subject, options: Options, kept: Kept) -> None:
    """Start the router and wait until it has caught up; then look at order and loss."""
    with subject.running("route") as watch:
        began = time.time()
        with MemoryWatch(supervisor=watch.pid, every=0.2) as memory:
            watch.wait_until_routed(options.mails)
            routed = time.time()
            watch.wait_until_published()
        first = watch.first_transaction()
        kept.add(f"{name}: catching up", "mails/s", options.mails / (routed - first))
        kept.add(f"{name}: until the last commit", "s", routed - first)
        kept.add(f"{name}: until the last event", "s", time.time() - first)
        kept.add(f"{name}: the router's process at most", "MB", memory.peak("route") / MB)
        kept.add(f"{name}: the router's process in the beginning", "MB", memory.first("route") / MB)
        start = memory.samples[0].at
        held = [(one.at - start, one.bytes.get("route", 0) / MB) for one in memory.samples]
        kept.lines[f"{name}, router"] = thinned(held)
        say(f"{name}: caught up after {time.time() - began:.0f} s; reading the topic")
        kept.words.append(f"{name}: {in_order(subject, watch.connection)}")


def in_order(subject: Subject, connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """Look at the order of messages and events, and say that it is right. Raises `BenchError`."""
    counts = [connection.execute(query.encode()).fetchone() for query in (MISORDERED, CONVERSATIONS)]
    misplaced, conversations = (int(str(row[0])) if row else -1 for row in counts)
    with listening(subject.settings, subject.url(), from_first=True) as ear:
        events = ear.all()
    wrong = out_of_order(events)
    if misplaced or wrong or not events:
        raise BenchError(f"{misplaced} messages and {wrong} of {len(events)} events are out of order")
    return (
        f"nothing is missing; {conversations:,} conversations of more than one message stand in the order of the log, "
        f"and {len(events):,} events came in the order of their tickets' steps."
    )


def measure(name: str, settings: Settings, options: Options, kept: Kept) -> None:
    """Take mails without a router, then catch up."""
    with deployment(settings) as subject:
        take(name, subject, options, kept)
        catch_up(name, subject, options, kept)
        with subject.running("route"):
            check(subject, expected=options.mails)


def main() -> int:
    """Measure what was asked for, print it as Markdown, and keep it."""
    options = parse(sys.argv[1:])
    title = f"The unrouted hour: {options.mails:,} mails come while no router runs"
    kept = Kept(bench="backlog", title=title, quick=options.quick, axes=("s", "MB"))
    for engine, settings in running_engines(options.engines, kept):
        measure(engine, settings, options, kept)
    print(kept.markdown())
    kept.keep()
    return 0


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="backlog", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mails", type=int, default=100_000, help="that come while no router runs")
    parser.add_argument("--engines", default="postgres", help="postgres, kafka, or both with a comma")
    parser.add_argument("--quick", action="store_true", help="1,000 mails")
    found = parser.parse_args(arguments)
    return Options(
        mails=min(found.mails, 1_000) if found.quick else found.mails,
        engines=found.engines.split(","),
        quick=found.quick,
    )


if __name__ == "__main__":
    sys.exit(main())
