"""The simulated month: every mail to its own ticket, and none to another customer's.

    python bench/month.py [--mails 200000] [--customers 20000] [--seed 1] [--examples 5]

Real bytes go through the real normalizer, router and suggestions on a real store, in batches of 500, with a clock that
passes through a month; agents answer and close tickets by the real functions. There is no SMTP, and the outcome of the
sender's check (SPF, DKIM, DMARC) is given with each mail, because it would ask name servers. Each mail has its true
ticket known to its maker. The exit code is 1 when a target is missed.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.month_desk import DeskOfTheMonth, open_desk, policies
from bench.month_people import Talk
from bench.month_score import Found, Score, Sent, report
from bench.month_world import CUT_OVER, World
from ticket_store.embedded import EmbeddedPostgres

START: Final = datetime(2026, 3, 2, tzinfo=UTC)
MONTH: Final = timedelta(days=30)
BATCH: Final = 500
SERVER: Final = {"synchronous_commit": "off", "shared_buffers": "256MB"}
"""The month asks where mail goes, not how fast: it waits for no disk."""


def main() -> int:
    """Run it and print the tables."""
    parser = argparse.ArgumentParser(prog="month", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mails", type=int, default=200_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=1, help="mails shown of each thing that went wrong")
    options = parser.parse_args(sys.argv[1:])
    logging.disable(logging.WARNING)
    return print_month(options.mails, options.customers, options.seed, options.examples)


def print_month(mails: int, customers: int, seed: int, shown: int) -> int:
    """Run it, print it, and give the exit code."""
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="sb-") as folder,
        EmbeddedPostgres(folder=Path(folder) / "postgres", settings=SERVER) as server,
    ):
        score = asyncio.run(month(server.url(), mails, customers, seed))
    seconds = time.perf_counter() - began
    print(f"\n## The simulated month: {mails:,} mails of {customers:,} customers, seed {seed}\n")
    print(report(score))
    print(examples(score, shown))
    print(f"\n{seconds:,.0f} s, {mails / seconds:,.0f} mails a second with everything beside them")
    return 0 if all(met for _, _, met in score.verdicts()) else 1


async def month(url: str, count: int, people: int, seed: int) -> Score:
    """Let the month pass."""
    world, score = World(seed=seed, people=people, start=START), Score()
    async with open_desk(url, wanted=policies(START + CUT_OVER), now=START) as desk:
        size = min(BATCH, max(50, count // 40))
        for done in range(0, count, size):
            take = min(size, count - done)
            begin, end = (START + MONTH * (part / count) for part in (done, done + take))
            mails = world.mails(take, begin, end)
            desk.now = end
            placed = judge(score, mails, await desk.take(mails))
            await attend(desk, world, placed, end)
            progress(done + take, count)
    return score


def judge(score: Score, mails: Sequence[Sent], found: Sequence[Found | None]) -> list[Talk]:
    """Compare with the truth; give the talks that wait for an answer of ours."""
    waiting: dict[int, Talk] = {}
    for sent, what in zip(mails, found, strict=True):
        score.add(sent, what)
        talk = sent.know.talk
        if talk is not None and what is not None and talk.ticket is not None and what.ticket == talk.ticket:
            if sent.category != "vacation":
                talk.closed_at = None
            waiting[talk.ticket] = talk
    return list(waiting.values())


async def attend(desk: DeskOfTheMonth, world: World, waiting: Sequence[Talk], now: datetime) -> None:
    """Let agents answer most of those who wait, and close some tickets."""
    chosen = [talk for talk in waiting if world.random.random() < (0.25 if talk.ours else 0.7)]
    for talk, ours in await desk.answer(chosen):
        world.said(talk, ours)
    done = [talk for talk in chosen if talk.closed_at is None and world.random.random() < 0.35]
    await desk.close(done)
    for talk in done:
        talk.closed_at = now
        world.shut.append(talk)


def examples(score: Score, each: int) -> str:
    """Show a few mails of each thing that went wrong."""
    shown: dict[tuple[str, str], int] = {}
    lines: list[str] = []
    for end, sent, found in score.examples:
        seen = shown[end, sent.category] = shown.get((end, sent.category), 0) + 1
        if seen <= each:
            head = sent.raw.partition(b"\r\n\r\n")[0].decode(errors="replace").replace("\r\n", "\n    ")
            placed = "a duplicate" if found is None else f"{found.outcome} by {found.rule}: {found.explanation}"
            wanted = f"{sent.category}, wanted {sent.know.want}, verdict {sent.verdict}"
            lines.append(f"\n{end}: {wanted}; {placed}\n    {head}")
    return "\n".join(lines)


def progress(done: int, count: int) -> None:
    """Tell the one who waits how far it is: a bar on a terminal, else a line for each tenth."""
    if sys.stderr.isatty():
        end = "\n" if done == count else ""
        print(f"\r  [{'#' * (30 * done // count):<30}] {done:,} of {count:,}", end=end, file=sys.stderr, flush=True)
    elif 10 * done // count > 10 * (done - BATCH) // count:
        print(f"  {done:,} of {count:,}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
