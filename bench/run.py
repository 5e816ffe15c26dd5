"""`make bench`: how many mails a second, beside a stock sink on the same mails, and where the time of a mail goes.

    python bench/run.py [--mails 2000] [--runs 3] [--sessions 10] [--engines postgres,kafka] [--large] [--stacks]

A run begins with the first connection and ends with the commit of the last ticket. Figures are medians; machines differ
and so do their moods, so compare the ratio to the sink of the same session, never seconds of two sessions.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Final

from bench.drive import Driven, drive
from bench.kept import Kept
from bench.machine import database
from bench.mails import Mail, Mix
from bench.report import Figure, figures_table, shares_table, table
from bench.sink import running_sink
from bench.stacks import sampled, shares
from bench.subject import BenchError, Subject, Watch, deployment, since

ROOT: Final = Path(__file__).parents[1]
OUT: Final = ROOT / "bench" / "out"
WARM_UP: Final = 200
PLACES: Final = 25
"""Lines of the table of sampled stacks."""

Settings = Mapping[str, str]


@dataclass(kw_only=True)
class Options:
    """What the command line asks for."""

    mails: int
    runs: int
    sessions: int
    engines: Sequence[str]
    large: bool
    stacks: bool

    def mix(self, *, run: str, seed: int = 1, count: int = 0) -> list[Mail]:
        """Make the mails of one run."""
        return list(Mix(count=count or self.mails, seed=seed, run=run, large=self.large))


@dataclass(kw_only=True)
class Results:
    """Everything measured so far. `rates` and `latencies` by what was measured; parts of a mail by engine."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    latencies: dict[str, list[float]] = field(default_factory=dict)
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    database: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, rate: float, driven: Driven | None = None) -> None:
        """Take one run's figures."""
        self.rates.setdefault(name, []).append(rate)
        if driven is not None:
            self.latencies.setdefault(f"{name}, half", []).append(driven.latency(0.5) * 1000)
            self.latencies.setdefault(f"{name}, 99 %", []).append(driven.latency(0.99) * 1000)
        say(f"    {name}: {rate:,.0f} mails/s")


def main() -> int:
    """Measure what was asked for, and print it as Markdown."""
    options = parse(sys.argv[1:])
    results = Results()
    with running_sink() as sink, ExitStack() as stack:
        for engine in options.engines:
            settings = engine_settings(engine, stack)
            if settings is not None:
                say(f"engine {engine}")
                end_to_end(engine, settings, sink, options, results)
                router_alone(engine, settings, options, results)
    if not results.rates:
        say("nothing was measured")
        return 1
    print_results(options, results)
    keep(options, results)
    return 0


def keep(options: Options, results: Results) -> None:
    """Write the figures down for the report."""
    what = "Mails of 200 KB" if options.large else "The mix"
    kept = Kept(
        bench="mail-large" if options.large else "mail",
        title=f"{what}: {options.mails:,} mails, {options.sessions} sessions, {options.runs} runs",
        quick=options.runs == 1,
        yardstick="stock sink",
        database=results.database,
        missing=[f"engine {name}" for name in options.engines if not any(name in found for found in results.rates)],
    )
    for name, values in results.rates.items():
        kept.add(name, "mails/s", *values)
    for name, values in results.latencies.items():
        kept.add(f"{name}, end of DATA to 250", "ms", *values)
    for name, parts in results.parts.items():
        if name.endswith("processor"):
            for part, seconds in parts.items():
                kept.add(f"{name}, {part}", "ms a mail", seconds / options.mails / options.runs * 1000)
    kept.keep()


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mails", type=int, default=2000, help="of one run")
    parser.add_argument("--runs", type=int, default=3, help="of which the median counts")
    parser.add_argument("--sessions", type=int, default=10, help="SMTP sessions at a time")
    parser.add_argument("--engines", default="postgres,kafka", help="postgres, kafka, or both with a comma")
    parser.add_argument("--large", action="store_true", help="mails of 200 KB each, in place of the mix")
    parser.add_argument("--stacks", action="store_true", help="one more run under py-spy, for shares by function")
    found = parser.parse_args(arguments)
    engines = found.engines.split(",")
    if unknown := set(engines) - {"postgres", "kafka"}:
        parser.error(f"there is no engine {', '.join(sorted(unknown))}")
    return Options(
        mails=found.mails,
        runs=found.runs,
        sessions=found.sessions,
        engines=engines,
        large=found.large,
        stacks=found.stacks,
    )


def engine_settings(engine: str, stack: ExitStack) -> Settings | None:
    """Give the settings of an engine, with its server started; None, with one line, where it cannot be had."""
    if engine == "postgres":
        return {}
    try:
        bootstrap = stack.enter_context(running_kafka())
    except (ImportError, OSError, RuntimeError) as error:
        say(f"engine kafka is left out: {error}")
        return None
    return {
        "BUS__ENGINE": "kafka",
        "BUS__KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "BUS__KAFKA__REPLICATION_FACTOR": "1",
        "BUS__KAFKA__MIN_INSYNC_REPLICAS": "1",
        "BLOBS__SHARED": "true",
    }


def running_engines(names: Sequence[str], kept: Kept) -> Iterator[tuple[str, Settings]]:
    """Give each engine that can be had, with its settings, its server running until the last; note what is missing."""
    with ExitStack() as stack:
        for name in names:
            settings = engine_settings(name, stack)
            if settings is None:
                kept.missing.append(f"engine {name}: its server could not be started")
            else:
                yield name, settings


@contextmanager
def running_kafka() -> Iterator[str]:
    """Start the test suite's broker, and give its address."""
    sys.path.append(str(ROOT / "tests" / "support"))
    support = import_module("kafka_broker")
    with tempfile.TemporaryDirectory(prefix="sb-kafka-") as folder:
        say("starting Kafka ...")
        broker = support.KafkaBroker(jars=support.resolve_jars(), folder=Path(folder))
        broker.start()
        try:
            yield broker.bootstrap
        finally:
            broker.stop()


def end_to_end(engine: str, settings: Settings, sink: int, options: Options, results: Results) -> None:
    """Measure whole runs on one engine, each after a run of the sink on the very same mails."""
    with deployment(settings) as subject, subject.running() as watch:
        once(subject, watch, options.mix(count=WARM_UP, run=f"{engine}-warm-up"), options)
        results.database = database(watch.connection)
        phases, processor = watch.phases(), watch.processor()
        for run in range(options.runs):
            say(f"  run {run + 1} of {options.runs}")
            mails = options.mix(seed=run, run=f"{engine}-{run}")
            driven = drive(mails, port=sink, sessions=options.sessions)
            results.add("stock sink", driven.rate, driven)
            rate, driven = once(subject, watch, mails, options)
            results.add(f"{engine}: to the last ticket", rate)
            results.add(f"{engine}: to the last 250", driven.rate, driven)
        results.parts[f"{engine}: processor"] = since(processor, watch.processor())
        results.parts[f"{engine}: phase"] = since(phases, watch.phases())
        if options.stacks:
            sample(engine, subject, watch, options)
        check(subject, expected=watch.routed())


def once(subject: Subject, watch: Watch, mails: Sequence[Mail], options: Options) -> tuple[float, Driven]:
    """Send mails and wait for the commit of the last; give mails a second, and what the driver saw."""
    before = watch.routed()
    began = time.perf_counter()
    driven = drive(mails, port=subject.smtp_port, sessions=options.sessions)
    watch.wait_until_routed(before + len(mails))
    return len(mails) / (time.perf_counter() - began), driven


def router_alone(engine: str, settings: Settings, options: Options, results: Results) -> None:
    """Fill the log without a router, then measure the router from its first transaction to its last commit."""
    for run in range(options.runs):
        say(f"  router alone, run {run + 1} of {options.runs}: filling the log")
        topic = {"BUS__INBOUND_TOPIC": f"bench.inbound.{run}", "BUS__TICKETS_TOPIC": f"bench.tickets.{run}"}
        with deployment({**settings, **topic}) as subject:
            with subject.running("ingest"):
                drive(options.mix(seed=run, run=f"{engine}-r{run}"), port=subject.smtp_port)
            with subject.running("route") as watch:
                watch.wait_until_routed(options.mails)
                seconds = time.time() - watch.first_transaction()
            results.add(f"{engine}: router alone", options.mails / seconds)


def sample(engine: str, subject: Subject, watch: Watch, options: Options) -> None:
    """Run once more under the sampling profiler, and print where the time went."""
    out = OUT / f"{engine}.stacks"
    say(f"  one more run, sampled into {out.relative_to(ROOT)}")
    with sampled(watch.pid, out):
        once(subject, watch, options.mix(seed=99, run=f"{engine}-sampled"), options)
    found = list(shares(out.read_text(encoding="utf-8")).items())[:PLACES]
    print(f"\n### Sampled, {engine}\n\n" + table(["where", "share"], [[name, f"{value:.1%}"] for name, value in found]))


def check(subject: Subject, *, expected: int) -> None:
    """Refuse figures of a run that lost or refused something."""
    ledger = subject.ledger()
    if not ledger["balanced"] or ledger["ticketed"] != expected:
        shown = {key: value for key, value in ledger.items() if isinstance(value, int) and value}
        raise BenchError(f"not every mail became a ticket's message ({expected} expected): {shown}")


def print_results(options: Options, results: Results) -> None:
    """Print every table."""
    rates = [Figure(name=name, unit="mails/s", values=tuple(values)) for name, values in results.rates.items()]
    waits = [Figure(name=name, unit="ms", values=tuple(values)) for name, values in results.latencies.items()]
    sink = next(figure for figure in rates if figure.name == "stock sink")
    print(f"\n## {options.mails} mails, {options.sessions} sessions, medians of {options.runs}\n")
    print(figures_table(rates, yardstick=sink))
    print("\n### From the end of DATA to 250\n\n" + figures_table(waits))
    print("\nSeconds of processors add up. Phases are seconds of waiting: `accept` is that of all sessions at once.")
    for name, parts in results.parts.items():
        print("\n" + shares_table(name, parts, mails=options.mails * options.runs))


def say(words: str) -> None:
    """Tell the one who waits how far it is."""
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
