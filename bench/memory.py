"""How much memory the daemon holds: while much mail comes, for one mail as large as may be, and under half-sent mail.

    python bench/memory.py [--parts flow,one,half] [--mails 100000] [--connections 500] [--engines postgres] [--quick]

Memory is the sum of all our processes' own shares (PSS), without PostgreSQL. `flow` sends the mix and looks whether
memory rises with the mails that came; `one` sends mails of 64 MiB one by one, and shows what one costs as a multiple of
its size; `half` has hundreds of connections stand in the middle of 20 MB of DATA each, beside the 256 MiB that mail
under way may hold.
"""

import argparse
import base64
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import psycopg

from bench.drive import drive
from bench.halfway import Halfway
from bench.kept import Kept
from bench.machine import database
from bench.mails import RECIPIENT, Mail, Mix, Sort
from bench.memory_watch import MB, MemoryWatch, slope, steady
from bench.run import Settings, check, running_engines, say
from bench.subject import ROUTED, Subject, Watch, deployment

PARTS: Final = ("flow", "one", "half")
AT_ONCE: Final = 2000
FILE: Final = 15 * MB + 200 * 1024
"""Three of them, in base64, and a mail has nearly 64 MiB."""
ONE_RUNS: Final = 3
BUDGET: Final = 256
"""MiB that mail under way may hold (`data_memory_bytes`)."""
HALF: Final = 10_000_000
ROOM: Final = {"SMTP__MAX_CONNECTIONS": "1000", "SMTP__MAX_CONNECTIONS_PER_PEER": "1000"}
"""All connections come from one address here."""
QUIET: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asks for."""

    parts: Sequence[str]
    mails: int
    connections: int
    half: int
    engines: Sequence[str]
    quick: bool


def flow(name: str, subject: Subject, watch: Watch, options: Options, kept: Kept) -> None:
    """Send the mix, portion by portion, and look how memory goes with the mails that are routed."""
    with psycopg.connect(subject.url(), autocommit=True) as connection:
        counting = counter(connection)
        with MemoryWatch(supervisor=watch.pid, every=0.5 if options.quick else 2.0, mark=counting) as memory:
            for number, first in enumerate(range(0, options.mails, AT_ONCE)):
                count = min(AT_ONCE, options.mails - first)
                drive(list(Mix(count=count, seed=number, run=f"m{number}")), port=subject.smtp_port)
                watch.wait_until_routed(first + count)
                say(f"{name}: {first + count:,} of {options.mails:,} mails, {memory.samples[-1].whole / MB:,.0f} MB")
    points = [(one.mark, one.whole / MB) for one in memory.samples]
    rise = slope(steady(points)) * 10_000
    kept.add(f"{name}: before the first mail", "MB", memory.first() / MB)
    kept.add(f"{name}: at most", "MB", memory.peak() / MB)
    for role in sorted(memory.samples[-1].bytes):
        kept.add(f"{name}: at most, {role}", "MB", memory.peak(role) / MB)
    kept.add(f"{name}: rise, after the first 30 % of the samples", "MB per 10,000 mails", rise)
    kept.lines[f"{name}, all processes"] = thinned(points)


def counter(connection: psycopg.Connection[Any]) -> Callable[[], float]:
    """Give a function that counts the records that are routed."""

    def routed() -> float:
        row = connection.execute(ROUTED.encode()).fetchone()
        return float(row[0]) if row else 0.0

    return routed


def one(name: str, subject: Subject, watch: Watch, kept: Kept) -> None:
    """Send mails of nearly 64 MiB, one by one."""
    for run in range(ONE_RUNS):
        mail = largest(run)
        time.sleep(QUIET)
        before = watch.routed()
        with MemoryWatch(supervisor=watch.pid, every=0.02) as memory:
            drive([mail], port=subject.smtp_port, sessions=1, processes=1)
            watch.wait_until_routed(before + 1)
        rise = memory.peak() - memory.first()
        say(f"{name}: a mail of {len(mail.raw) / MB:.1f} MiB costs {rise / MB:.0f} MB")
        kept.add(f"{name}: one mail of {len(mail.raw) / MB:.0f} MiB, at most above before", "MB", rise / MB)
        kept.add(f"{name}: of the mail's size, at most", "times", rise / len(mail.raw))


def largest(seed: int) -> Mail:
    """Make a mail with three files of 15 MiB."""
    random = Random(f"largest/{seed}")
    name, border = f"<large{seed}@large.example>", "=_large_"
    head = (
        f"From: ana@a.example\r\nTo: {RECIPIENT}\r\nSubject: Three films\r\nMessage-ID: {name}\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/mixed; boundary="{border}"\r\n\r\n--{border}\r\n\r\nHere they are.\r\n'
    )
    files = [
        f"--{border}\r\nContent-Type: video/mp4\r\nContent-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="film{number}.mp4"\r\n\r\n'.encode()
        + base64.encodebytes(random.randbytes(FILE)).replace(b"\n", b"\r\n")
        for number in range(3)
    ]
    raw = b"".join([head.encode(), *files, f"--{border}--\r\n".encode()])
    return Mail(sort=Sort.FILE, sender="ana@a.example", message_id=name, request=0, raw=raw)


def half(name: str, subject: Subject, watch: Watch, options: Options, kept: Kept) -> None:
    """Let connections stand in the middle of their DATA, and hang up then."""
    time.sleep(QUIET)
    crowd = Halfway(port=subject.smtp_port, count=options.connections, size=options.half)
    with MemoryWatch(supervisor=watch.pid, every=0.2) as memory:
        try:
            crowd.open()
            time.sleep(QUIET)
        finally:
            crowd.close()
        time.sleep(QUIET)
    what = f"{name}: {options.connections} connections with {options.half / 1e6:.0f} MB each"
    kept.add(f"{what}, before", "MB", memory.first() / MB)
    kept.add(f"{what}, at most", "MB", memory.peak() / MB)
    kept.add(f"{what}, rise at most", "MB", (memory.peak() - memory.first()) / MB)
    kept.add(f"{what}, after", "MB", memory.samples[-1].whole / MB)
    kept.words.append(
        f"{what}: the rise is {(memory.peak() - memory.first()) / MB / BUDGET:.2f} times the budget of {BUDGET} MiB; "
        f"refused meanwhile: {crowd.refused or 'none'}."
    )


def thinned(points: Sequence[tuple[float, float]], most: int = 400) -> list[tuple[float, float]]:
    """Leave as many points as a plot can show."""
    step = max(1, len(points) // most)
    return list(points[::step])


def measure(name: str, settings: Settings, options: Options, kept: Kept) -> None:
    """Measure the parts that are wanted on one engine, each on a deployment of its own."""
    if "flow" in options.parts:
        with deployment(settings) as subject, subject.running() as watch:
            kept.database = database(watch.connection)
            flow(name, subject, watch, options, kept)
            check(subject, expected=options.mails)
    if "one" in options.parts:
        with deployment(settings) as subject, subject.running() as watch:
            one(name, subject, watch, kept)
    if "half" in options.parts:
        with deployment({**settings, **ROOM}) as subject, subject.running() as watch:
            half(name, subject, watch, options, kept)


def main() -> int:
    """Measure what was asked for, print it as Markdown, and keep it."""
    options = parse(sys.argv[1:])
    title = f"Memory: {options.mails:,} mails of the mix, mails of 64 MiB, {options.connections} half-sent mails"
    kept = Kept(bench="memory", title=title, quick=options.quick, axes=("mails", "MB"))
    kept.missing += [f"part {part}" for part in PARTS if part not in options.parts]
    for engine, settings in running_engines(options.engines, kept):
        measure(engine, settings, options, kept)
    print(kept.markdown())
    kept.keep()
    return 0


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="memory", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="flow, one, half, or several with commas")
    parser.add_argument("--mails", type=int, default=100_000, help="of the flow")
    parser.add_argument("--connections", type=int, default=500, help="that stand in the middle of a mail")
    parser.add_argument("--engines", default="postgres", help="postgres, kafka, or both with a comma")
    parser.add_argument("--quick", action="store_true", help="400 mails; 40 connections with 2 MB each")
    found = parser.parse_args(arguments)
    parts = found.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return Options(
        parts=parts,
        mails=min(found.mails, 400) if found.quick else found.mails,
        connections=min(found.connections, 40) if found.quick else found.connections,
        half=2_000_000 if found.quick else HALF,
        engines=found.engines.split(","),
        quick=found.quick,
    )


if __name__ == "__main__":
    sys.exit(main())
