"""Reads `switchboard.tickets` beside a run, in a process of its own, and tells when each event came.

    python bench/events.py          takes its orders from standard input, says "ready", reads until it is told to end

It reads as any consumer does, through the bus, and begins with what comes after it was made, or with the first event.
"""

import asyncio
import json
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, Final

from bench.stored import open_log
from bus.port import Consumer, Record, StoredPosition

HERE: Final = Path(__file__)
TOPIC: Final = "switchboard.tickets"
GROUP: Final = "bench.events"
WAIT: Final = 0.2
ASSIGNED_WITHIN: Final = 5.0
"""Seconds before "ready" in which a group gives out its partitions; with from_first, records may come in them."""
QUIET: Final = 3
"""Looks without a record after which, once the end is asked for, nothing more is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One event: when it came (`time.perf_counter`), of which ticket, which step of it, and about which message.

    `stored` is when the log took it, in seconds since 1970.
    """

    at: float
    stored: float
    ticket: str
    sequence: int
    type: str
    message: int


class Ear:
    """The process that reads; `all` may be asked once."""

    def __init__(self, process: "Popen[str]") -> None:
        self._process = process

    def all(self) -> list[Seen]:
        """End it, and give every event in the order of its partition."""
        given, taken = _pipes(self._process)
        given.close()
        found = json.loads(taken.readline() or "[]")
        self._process.wait(timeout=60)
        return [Seen(**event) for event in found]


@contextmanager
def listening(settings: Mapping[str, str], url: str, *, topic: str = TOPIC, from_first: bool = False) -> Iterator[Ear]:
    """Read from now on, or from the first event, until asked for all."""
    orders = {"settings": dict(settings), "url": url, "topic": topic, "from_first": from_first}
    with Popen([sys.executable, str(HERE)], stdin=PIPE, stdout=PIPE, text=True, cwd=HERE.parents[1]) as process:
        given, taken = _pipes(process)
        given.write(json.dumps(orders) + "\n")
        given.flush()
        if taken.readline().strip() != "ready":
            raise RuntimeError("the reader of events did not begin")
        try:
            yield Ear(process)
        finally:
            if process.poll() is None:
                process.terminate()


def _pipes(process: "Popen[str]") -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the reader of events has no pipes")
    return process.stdin, process.stdout


def waits(ended: Mapping[str, float], named: Mapping[int, str], events: Iterable[Seen]) -> list[float]:
    """Give the seconds from each mail's end of DATA to the first event about it, sorted.

    `ended` is by message id, `named` says which message id the store's number stands for.
    """
    first: dict[str, float] = {}
    for event in events:
        name = named.get(event.message, "")
        if name in ended:
            first[name] = min(first.get(name, event.at), event.at)
    return sorted(at - ended[name] for name, at in first.items())


def out_of_order(events: Sequence[Seen]) -> int:
    """Count events whose step is not the one after the last step of their ticket that was seen; repeats are none."""
    steps: defaultdict[str, int] = defaultdict(int)
    wrong = 0
    for event in events:
        wrong += event.sequence > steps[event.ticket] + 1
        steps[event.ticket] = max(steps[event.ticket], event.sequence)
    return wrong


def rate(events: Sequence[Seen]) -> float:
    """Give events a second, from the first to the last that the log took."""
    times = [event.stored for event in events]
    seconds = max(times) - min(times) if times else 0.0
    return len(times) / seconds if seconds else 0.0


async def read(settings: Mapping[str, str], url: str, *, topic: str, from_first: bool) -> list[Seen]:
    """Read until standard input ends, and then what is still on its way."""
    log = open_log(settings, url)
    try:
        identity = await log.identity(topic)
        states = await log.partitions(topic)
        begin = {state.partition: state.first_offset if from_first else state.next_offset for state in states}

        async def positions(_topic: str, partitions: frozenset[int]) -> Mapping[int, StoredPosition]:
            return {number: StoredPosition(next_offset=begin[number], log_identity=identity) for number in partitions}

        consumer = await log.consumer(topic, group=GROUP, load_positions=positions)
        try:
            return await _until_told(consumer)
        finally:
            await consumer.close()
    finally:
        await log.close()


async def _until_told(consumer: Consumer) -> list[Seen]:
    found = [seen(record, time.perf_counter()) for record in await _assigned(consumer)]
    end = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    print("ready", flush=True)
    silent = 0
    while not end.done() or silent < QUIET:
        records = await consumer.fetch(max_records=500, max_wait=WAIT)
        now = time.perf_counter()
        found += [seen(record, now) for record in records]
        silent = 0 if records else silent + 1
    return found


async def _assigned(consumer: Consumer) -> Sequence[Record]:
    """Fetch once, for long enough that a group has given out its partitions."""
    return await consumer.fetch(max_records=500, max_wait=ASSIGNED_WITHIN)


def seen(record: Record, at: float) -> Seen:
    """Read what a record says."""
    event = json.loads(record.value)
    data = event["data"]
    message = data.get("message") or {}
    return Seen(
        at=at,
        stored=record.stored_at.timestamp(),
        ticket=event["subject"],
        sequence=data["sequence"],
        type=event["type"],
        message=message.get("id", 0),
    )


def main() -> None:
    """Do as told."""
    logging.getLogger("aiosql").setLevel(logging.ERROR)  # it wonders about statements that are no selects
    orders = json.loads(sys.stdin.readline())
    found = asyncio.run(read(orders["settings"], orders["url"], topic=orders["topic"], from_first=orders["from_first"]))
    print(json.dumps([asdict(event) for event in found]), flush=True)


if __name__ == "__main__":
    main()
