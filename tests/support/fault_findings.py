"""What is wrong with the messages of one run once it is over: nothing, when all promises were kept."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import psycopg
from fault_senders import STRANGER

SETTLE_SECONDS: Final = 60.0

ROWS: Final = """
select split_part(split_part(m.body_text, E'\\n', 1), ' ', 2), m.id, m.ticket_id, m.raw_sha256
from messages m where m.body_text like 'token ' || %(run)s || '%%'
"""
EVENTS: Final = """
select o.ticket_id, o.sequence, o.id::text, o.published_at is not null,
       (o.event::jsonb -> 'data' -> 'message' ->> 'id')::bigint
from outbox o where o.ticket_id = any (%(tickets)s) order by o.ticket_id, o.sequence
"""


@dataclass(frozen=True, order=True)
class Finding:
    """One broken promise."""

    kind: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One stored message."""

    token: str
    id: int
    ticket: int | None
    raw: str


@dataclass(frozen=True, kw_only=True)
class Event:
    """One row of the outbox."""

    ticket: int
    sequence: int
    id: str
    published: bool
    message: int | None


@dataclass(kw_only=True)
class Left:
    """What a run has left in the store."""

    rows: Sequence[Row]
    events: Sequence[Event]


def read(connection: psycopg.Connection[Any], run: str) -> Left:
    """Read what stands of a run."""
    found = connection.execute(ROWS, {"run": run}).fetchall()
    rows = [Row(token=token, id=id_, ticket=ticket, raw=raw.hex()) for token, id_, ticket, raw in found]
    tickets = sorted({row.ticket for row in rows if row.ticket is not None})
    events = connection.execute(EVENTS, {"tickets": tickets}).fetchall()
    return Left(
        rows=rows,
        events=[Event(ticket=t, sequence=s, id=i, published=p, message=m) for t, s, i, p, m in events],
    )


def settled(look: Callable[[], Left], accepted: Collection[str], *, seconds: float = SETTLE_SECONDS) -> Left:
    """Look until all that was accepted stands and is published, or the time is over; give what was seen last."""
    give_up = time.monotonic() + seconds
    while True:
        left = look()
        there = {row.token for row in left.rows} >= set(accepted) and all(event.published for event in left.events)
        if there or time.monotonic() > give_up:
            return left
        time.sleep(0.1)


def judge(left: Left, accepted: Collection[str], blobs: Path | None = None) -> list[Finding]:
    """Compare what was accepted with what stands."""
    found = [*_once(left, accepted), *_own_tickets(left), *_in_order(left), *_events(left)]
    if blobs is not None:
        found += _blobs(left, blobs)
    return sorted(found)


def _once(left: Left, accepted: Collection[str]) -> Iterator[Finding]:
    times = Counter(row.token for row in left.rows)
    for token in accepted:
        if not times[token]:
            yield Finding("lost", token)
    for token, number in times.items():
        if number > 1:
            yield Finding("twice", f"{token} stands {number} times")
        if token not in accepted:
            yield Finding("unasked", f"{token} stands, and its sender never had a yes")


def conversation(token: str) -> str:
    """Give what all messages of one conversation share."""
    return token.rsplit("-", 1)[0]


def _own_tickets(left: Left) -> Iterator[Finding]:
    tickets: dict[str, set[int | None]] = defaultdict(set)
    owners: dict[int, set[str]] = defaultdict(set)
    for row in left.rows:
        tickets[conversation(row.token)].add(row.ticket)
        if row.ticket is not None:
            owners[row.ticket].add(conversation(row.token))
    for name, found in tickets.items():
        held_strangers = name.rpartition("-")[0].endswith(STRANGER) and found == {None}
        if len(found) != 1 or (None in found and not held_strangers):
            yield Finding("ticket", f"{name} stands on {sorted(map(str, found))}")
    for ticket, names in owners.items():
        if len(names) > 1:
            yield Finding("ticket", f"ticket {ticket} holds {sorted(names)}")


def _in_order(left: Left) -> Iterator[Finding]:
    tokens = {row.id: row.token for row in left.rows}
    latest: dict[str, int] = {}
    for event in left.events:
        token = tokens.get(event.message or 0)
        if token is None:
            continue
        step = int(token.rpartition("-")[2])
        if step < latest.get(conversation(token), 0):
            yield Finding("order", f"{token} is event {event.sequence}")
        latest[conversation(token)] = step


def _events(left: Left) -> Iterator[Finding]:
    told = Counter(event.message for event in left.events)
    for row in left.rows:
        if row.ticket is not None and told[row.id] != 1:
            yield Finding("event", f"{row.token} has {told[row.id]} events")
    for event in left.events:
        if not event.published:
            yield Finding("event", f"event {event.sequence} of ticket {event.ticket} was never published")


def _blobs(left: Left, folder: Path) -> Iterator[Finding]:
    for row in left.rows:
        file = folder / row.raw[:2] / row.raw
        if not file.is_file():
            yield Finding("blob", f"the raw of {row.token} is not there")
        elif sha256(file.read_bytes()).hexdigest() != row.raw:
            yield Finding("blob", f"the raw of {row.token} has other bytes")


def topic(left: Left, values: Sequence[bytes]) -> list[Finding]:
    """Compare the outbox with what a consumer of the topic reads, who drops by id: everything, in order."""
    seen: dict[str, list[str]] = defaultdict(list)
    for value in values:
        event = json.loads(value)
        number, name = event["subject"], event["id"]
        if name not in seen[number]:
            seen[number].append(name)
    order = {event.id: event.sequence for event in left.events}
    read_ids = {name for names in seen.values() for name in names}
    found = [
        Finding("topic", f"event {event.sequence} of {event.ticket} is not on the topic")
        for event in left.events
        if event.id not in read_ids
    ]
    for number, names in seen.items():
        sequences = [order[name] for name in names if name in order]
        if sequences != sorted(sequences):
            found.append(Finding("topic", f"events of ticket {number} are out of order"))
    return found
