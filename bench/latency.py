"""How long a mail takes at half of the highest rate: from the end of DATA to 250, and to its event on the topic.

    python bench/latency.py [--mails 2000] [--runs 3] [--engines postgres,kafka] [--sizes mix,large] [--quick]

The highest rate is the median of runs that send as fast as it goes; then as many mails come at even distances at half
of it. Events are read from `switchboard.tickets` by a consumer of its own, and matched with mails by message id. Beside
it stands the rate of the relay: events a second, first to last, while the router catches up on a filled log.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

from bench.drive import Driven, drive, percentile
from bench.events import Seen, listening, rate, waits
from bench.kept import Kept
from bench.machine import database
from bench.mails import Mail, Mix
from bench.run import Settings, check, running_engines, say
from bench.subject import BenchError, Subject, Watch, deployment
from connectors.mail.thread_ids import thread_id

WARM_UP: Final = 200
NAMED: Final = "select known_message_id, encode(digest, 'hex') from thread_ids where known_message_id is not null"


@dataclass(kw_only=True)
class Options:
    """What the command line asks for."""

    mails: int
    runs: int
    sessions: int
    engines: Sequence[str]
    sizes: Sequence[str]
    quick: bool


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One engine with mails of one size, and where its figures go."""

    name: str
    large: bool
    settings: Settings
    options: Options
    kept: Kept

    def mails(self, run: str, seed: int, count: int = 0) -> list[Mail]:
        """Make the mails of one run."""
        return list(Mix(count=count or self.options.mails, seed=seed, run=f"{run}-{seed}", large=self.large))

    def measure(self) -> None:
        """Find the highest rate, then send at half of it; at last the relay."""
        with deployment(self.settings) as subject:
            with subject.running() as watch:
                self.kept.database = database(watch.connection)
                once(subject, watch, self.mails("w", 0, min(WARM_UP, self.options.mails)), self.options.sessions)
                highest = self._highest(subject, watch)
                for run in range(self.options.runs):
                    self._half(subject, watch, highest / 2, run)
                check(subject, expected=watch.routed())
            say(f"{self.name}: the relay, filling the log")
            self._relay(subject)

    def _highest(self, subject: Subject, watch: Watch) -> float:
        found = []
        for run in range(self.options.runs):
            driven, _ = once(subject, watch, self.mails("f", run), self.options.sessions)
            found.append(driven.rate)
            say(f"{self.name}: {driven.rate:,.0f} mails/s as fast as it goes")
        self.kept.add(f"{self.name}: highest rate, to the last 250", "mails/s", *found)
        return median(found)

    def _half(self, subject: Subject, watch: Watch, wanted: float, run: int) -> None:
        mails = self.mails("h", run)
        driven, events = once(subject, watch, mails, self.options.sessions, wanted)
        to_events = event_waits(watch, mails, driven, events)
        if len(to_events) < len(mails):
            raise BenchError(f"{len(mails) - len(to_events)} of {len(mails)} mails have no event")
        self.kept.add(f"{self.name}: sent at half of it", "mails/s", driven.rate)
        add = partial(self._latency, driven.latencies, "to 250")
        add(0.5)
        add(0.99)
        self._latency(to_events, "to the event", 0.5)
        self._latency(to_events, "to the event", 0.99)
        self.kept.add(f"{self.name}: latest mail behind its time", "ms", driven.late * 1000)
        self.kept.lines[f"{self.name}: to 250"] = curve(driven.latencies)
        self.kept.lines[f"{self.name}: to the event"] = curve(to_events)

    def _latency(self, ordered: Sequence[float], what: str, share: float) -> None:
        value = percentile(ordered, share) * 1000
        self.kept.add(f"{self.name}: end of DATA {what}, {share * 100:.0f} %", "ms", value)
        say(f"{self.name}: {what}, {share:.0%}: {value:.1f} ms")

    def _relay(self, subject: Subject) -> None:
        with subject.running("ingest") as watch:
            before = watch.routed()
            drive(self.mails("r", 0), port=subject.smtp_port, sessions=self.options.sessions)
        began = time.time()
        with subject.running("route") as watch:
            watch.wait_until_routed(before + self.options.mails)
            watch.wait_until_published()
            with listening(subject.settings, subject.url(), from_first=True) as ear:
                found = [event for event in ear.all() if event.stored >= began]
        self.kept.add(f"{self.name}: relay, while the router catches up", "events/s", rate(found))


def once(
    subject: Subject, watch: Watch, mails: Sequence[Mail], sessions: int, wanted: float = 0.0
) -> tuple[Driven, list[Seen]]:
    """Send mails, wait until the last event is on the topic, and give what driver and reader saw."""
    before = watch.routed()
    with listening(subject.settings, subject.url()) as ear:
        driven = drive(mails, port=subject.smtp_port, sessions=sessions, rate=wanted)
        watch.wait_until_routed(before + len(mails))
        watch.wait_until_published()
        return driven, ear.all()


def event_waits(watch: Watch, mails: Sequence[Mail], driven: Driven, events: Sequence[Seen]) -> list[float]:
    """Match mails with events by message id, and give the seconds from end of DATA to event, sorted."""
    digests = {thread_id(mail.message_id).digest: number for number, mail in enumerate(mails)}
    ended = {digest: driven.ended[number] for digest, number in digests.items()}
    named = {int(number): str(digest) for number, digest in watch.connection.execute(NAMED.encode())}
    return waits(ended, named, events)


def curve(ordered: Sequence[float], points: int = 60) -> list[tuple[float, float]]:
    """Give a line to plot: the share of mails in per cent, and the milliseconds under which they stay."""
    shares = [place / points for place in range(points)] + [0.99, 0.999]
    return [(share * 100, percentile(ordered, share) * 1000) for share in shares]


def main() -> int:
    """Measure what was asked for, print it as Markdown, and keep it."""
    options = parse(sys.argv[1:])
    title = f"Latency at half of the highest rate: {options.mails:,} mails, {options.runs} runs"
    kept = Kept(bench="latency", title=title, quick=options.quick, axes=("% of the mails", "ms"))
    for engine, settings in running_engines(options.engines, kept):
        for size in options.sizes:
            name = engine if size == "mix" else f"{engine}, 200 KB"
            large = size == "large"
            Bench(name=name, large=large, settings=settings, options=options, kept=kept).measure()
    print(kept.markdown())
    kept.keep()
    return 0


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="latency", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mails", type=int, default=2000, help="of one run")
    parser.add_argument("--runs", type=int, default=3, help="of which the median counts")
    parser.add_argument("--sessions", type=int, default=10, help="SMTP sessions at a time")
    parser.add_argument("--engines", default="postgres,kafka", help="postgres, kafka, or both with a comma")
    parser.add_argument("--sizes", default="mix,large", help="mix, large (200 KB each), or both with a comma")
    parser.add_argument("--quick", action="store_true", help="one run of 200 mails")
    found = parser.parse_args(arguments)
    engines, sizes = found.engines.split(","), found.sizes.split(",")
    if unknown := (set(engines) - {"postgres", "kafka"}) | (set(sizes) - {"mix", "large"}):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    return Options(
        mails=min(found.mails, 200) if found.quick else found.mails,
        runs=1 if found.quick else found.runs,
        sessions=found.sessions,
        engines=engines,
        sizes=sizes,
        quick=found.quick,
    )


if __name__ == "__main__":
    sys.exit(main())
