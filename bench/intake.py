"""`make bench`: webhook deliveries a second, from the wire to the stored record, beside a server that stores nothing.

    python bench/intake.py [--deliveries 20000] [--runs 3] [--connections 64] [--paced 1000] [--engines postgres,kafka]
                           [--quick] [--stacks]

Recorded deliveries of Telegram, Viber, VK and the api channel, each with ids of its own and signed, go over kept
connections to one ingest process; fsync is on. Afterwards the log is read: every delivery stands there exactly once, or
there are no figures. Figures are medians; compare the ratio to the straw man of the same session.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bench.deliveries import Deliveries, environment
from bench.http_load import Loaded, load
from bench.report import Figure, figures_table, table
from bench.run import Settings, engine_settings
from bench.stacks import sampled, shares
from bench.stored import difference, open_log, stored_keys
from bench.straw_man import running_straw_man
from bench.subject import BenchError, Subject, Watch, deployment, seconds_of, since
from doubles.ports import free_port

ROOT: Final = Path(__file__).parents[1]
OUT: Final = ROOT / "bench" / "out"
WARM_UP: Final = 500
PLACES: Final = 30


@dataclass(kw_only=True)
class Options:
    """What the command line asks for."""

    deliveries: int
    runs: int
    connections: int
    paced: float
    engines: Sequence[str]
    stacks: bool


@dataclass(kw_only=True)
class Results:
    """Everything measured so far: rates, latencies (ms) and processor time (ms a delivery), by what was measured."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    latencies: dict[str, list[float]] = field(default_factory=dict)
    processor: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, loaded: Loaded, used: Mapping[str, float]) -> None:
        """Take one run's figures."""
        count = len(loaded.latencies)
        self.rates.setdefault(name, []).append(loaded.rate)
        self.latencies.setdefault(f"{name}, half", []).append(loaded.latency(0.5) * 1000)
        self.latencies.setdefault(f"{name}, 99 %", []).append(loaded.latency(0.99) * 1000)
        for part, seconds in {**used, "load generator": loaded.processor}.items():
            self.processor.setdefault(f"{name}: {part}", []).append(seconds / count * 1000)


@dataclass(kw_only=True)
class Bench:
    """One session: the straw man, the bar that people watch, and what was measured."""

    options: Options
    results: Results
    straw_man: tuple[int, int]
    progress: Progress
    bar: TaskID

    def engine(self, name: str, settings: Settings, broker: int | None) -> None:
        """Measure all runs on one engine."""
        port = free_port()
        own = {**settings, **environment(), "INTAKE__PORT": str(port)}
        deliveries = Deliveries(port=port)
        target = Target(port=port, deliveries=deliveries)
        with deployment(own) as subject, subject.running("ingest") as watch:
            self._once(target, WARM_UP)
            processors = Processors(watch=watch, broker=broker)
            for run in range(self.options.runs):
                self._say(f"{name}, run {run + 1}: as fast as it goes")
                self._straw_man(deliveries)
                self._full(name, target, processors)
                self._say(f"{name}, run {run + 1}: {self.options.paced:,.0f} a second")
                self._paced(name, target, processors)
            if self.options.stacks:
                self._sampled(name, target, watch)
            check(subject, target.keys)

    def _full(self, name: str, target: "Target", processors: "Processors") -> None:
        before = processors.read()
        loaded = self._once(target, self.options.deliveries)
        self.results.add(name, loaded, since(before, processors.read()))
        self.progress.advance(self.bar)

    def _paced(self, name: str, target: "Target", processors: "Processors") -> None:
        before = processors.read()
        loaded = self._once(target, self.options.deliveries // 2, self.options.paced)
        self.results.add(f"{name} at {self.options.paced:,.0f}/s", loaded, since(before, processors.read()))
        self.progress.advance(self.bar)

    def _straw_man(self, deliveries: Deliveries) -> None:
        port, pid = self.straw_man
        requests = [one.request for one in deliveries.make(self.options.deliveries)]
        before = seconds_of(psutil.Process(pid))
        loaded = load(requests, port=port, connections=self.options.connections)
        self.results.add("straw man", loaded, {"straw man": seconds_of(psutil.Process(pid)) - before})

    def _once(self, target: "Target", count: int, rate: float | None = None) -> Loaded:
        ready = target.deliveries.make(count)
        target.keys.extend(one.key for one in ready)
        requests = [one.request for one in ready]
        return load(requests, port=target.port, connections=self.options.connections, rate=rate)

    def _sampled(self, name: str, target: "Target", watch: Watch) -> None:
        out = OUT / f"intake-{name}.stacks"
        self._say(f"{name}: once more, sampled into {out.relative_to(ROOT)}")
        with sampled(watch.pid, out):
            self._once(target, self.options.deliveries)
        found = list(shares(out.read_text(encoding="utf-8")).items())[:PLACES]
        rows = [[place, f"{share:.1%}"] for place, share in found]
        print(f"\n### Sampled, {name}\n\n" + table(["where", "share"], rows))

    def _say(self, words: str) -> None:
        self.progress.update(self.bar, description=words)
        if not self.progress.console.is_terminal:
            print(words, file=sys.stderr, flush=True)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where deliveries go, and the keys of all that went there."""

    port: int
    deliveries: Deliveries
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Processors:
    """Who uses the processors: the daemon's processes, PostgreSQL, and the broker where there is one."""

    watch: Watch
    broker: int | None

    def read(self) -> dict[str, float]:
        """Give the seconds used so far, by part."""
        found = self.watch.processor()
        if self.broker is not None:
            found["broker"] = seconds_of(psutil.Process(self.broker))
        return found


def main() -> int:
    """Measure what was asked for, and print it as Markdown."""
    options = parse(sys.argv[1:])
    results = Results()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with ExitStack() as stack:
        straw_man = stack.enter_context(running_straw_man())
        engines = {name: engine_settings(name, stack) for name in options.engines}
        wanted = {name: settings for name, settings in engines.items() if settings is not None}
        progress = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        bar = progress.add_task("starting", total=2 * options.runs * len(wanted))
        bench = Bench(options=options, results=results, straw_man=straw_man, progress=progress, bar=bar)
        for name, settings in wanted.items():
            bench.engine(name, settings, broker_of(settings))
    print_results(options, results)
    return 0


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="intake", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=20_000, help="of one run as fast as it goes; half when paced")
    parser.add_argument("--runs", type=int, default=3, help="of which the median counts")
    parser.add_argument("--connections", type=int, default=64, help="kept open, one request at a time on each")
    parser.add_argument("--paced", type=float, default=1000, help="deliveries a second of the runs at half rate")
    parser.add_argument("--engines", default="postgres,kafka", help="postgres, kafka, or both with a comma")
    parser.add_argument("--quick", action="store_true", help="one run of 2,000 deliveries")
    parser.add_argument("--stacks", action="store_true", help="one more run under py-spy, for shares by function")
    found = parser.parse_args(arguments)
    engines = found.engines.split(",")
    if unknown := set(engines) - {"postgres", "kafka"}:
        parser.error(f"there is no engine {', '.join(sorted(unknown))}")
    return Options(
        deliveries=min(found.deliveries, 2_000) if found.quick else found.deliveries,
        runs=1 if found.quick else found.runs,
        connections=found.connections,
        paced=found.paced,
        engines=engines,
        stacks=found.stacks,
    )


def broker_of(settings: Settings) -> int | None:
    """Find the process of the broker by the port that it listens on."""
    port = settings.get("BUS__KAFKA__BOOTSTRAP_SERVERS", ":0").rpartition(":")[2]
    for connection in psutil.net_connections("tcp") if port != "0" else ():
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == int(port):
            return int(connection.pid) if connection.pid else None
    return None


def check(subject: Subject, keys: Sequence[str]) -> None:
    """Refuse the figures of a run after which the log is not what was sent."""

    async def look() -> str:
        log = open_log(subject.settings, subject.url())
        try:
            return difference(keys, await stored_keys(log))
        finally:
            await log.close()

    if wrong := asyncio.run(look()):
        raise BenchError(wrong)


def print_results(options: Options, results: Results) -> None:
    """Print every table."""
    straw_man = Figure(name="straw man", unit="deliveries/s", values=tuple(results.rates["straw man"]))
    rates = [Figure(name=name, unit="deliveries/s", values=tuple(found)) for name, found in results.rates.items()]
    waits = [Figure(name=name, unit="ms", values=tuple(found)) for name, found in results.latencies.items()]
    used = [Figure(name=name, unit="ms", values=tuple(found)) for name, found in results.processor.items()]
    print(f"\n## Webhooks: {options.deliveries:,} deliveries, {options.connections} connections, {options.runs} runs\n")
    print("Every delivery stands in the log exactly once.\n")
    print(figures_table(rates, yardstick=straw_man))
    print("\n### From the request to its answer\n\n" + figures_table(waits))
    print("\n### Processor a delivery\n\n" + figures_table(used))


if __name__ == "__main__":
    sys.exit(main())
