"""Nothing lost, nothing twice: processes are killed while mail keeps coming and its sender tries again.

Each kill waits for a mail that is being handed over, so that it never hits a daemon at rest; a router is killed while
a transaction of its own is open.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from fault_mta import Mta, conversations
from running_daemon import RunningDaemon

from ticket_store.embedded import EmbeddedPostgres, EmbeddedPostgresError

REPLIES = 3
KILLS = 10
BETWEEN = 40
"""Mails that are accepted between two kills, at least."""


@dataclass(kw_only=True)
class Outcome:
    """What was left when the storm was over."""

    ledger: Mapping[str, object]
    rows: Sequence[tuple[Any, ...]] = ()
    events: Sequence[tuple[Any, ...]] = ()
    hit: list[int] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)


class Victims:
    """Processes of one daemon, each as something to kill."""

    def __init__(self, daemon: RunningDaemon) -> None:
        self._daemon = daemon
        self.postgres = daemon.kill_postgres

    def ingest(self) -> None:
        """Kill whoever takes mail in."""
        self._daemon.kill_child("ingest")

    def route(self) -> None:
        """Kill a router in the middle of a transaction."""
        router = self._daemon.living_child("route")
        self._daemon.wait_until(lambda: in_transaction(self._daemon), seconds=30, what="routing", every=0.002)
        router.kill()


def in_transaction(daemon: RunningDaemon) -> bool:
    """Whether the router holds the offsets of a batch that it has not committed."""
    try:
        with _store(daemon) as connection:
            row = connection.execute(
                "select exists (select from pg_locks where relation = 'consumer_offsets'::regclass"
                " and mode = 'RowExclusiveLock')"
            ).fetchone()
    except (psycopg.OperationalError, EmbeddedPostgresError):
        return False  # PostgreSQL was killed before, and is starting, or not even that yet
    return row == (True,)


def storm(daemon: RunningDaemon, victims: Sequence[Callable[[], None]]) -> Outcome:
    """Send all mail, and kill one victim after the other while it comes."""
    assert len(victims) >= KILLS
    supply = conversations(replies=REPLIES, run="storm")
    mta = Mta(port=daemon.smtp_port, recipient="support@example.org", supply=supply)
    mta.start()
    hit = []
    for kill in victims:
        assert mta.wait_in_flight(len(mta.tally.accepted) + BETWEEN, seconds=90), "no mail is being handed over"
        hit.append(mta.in_flight)
        kill()
    mta.begin_no_more()
    mta.wait(seconds=240)
    mta.stop()
    assert not mta.tally.permanent, "trouble of ours must never be a permanent refusal"
    return outcome_of(daemon, hit, mta.tally.accepted)


def outcome_of(daemon: RunningDaemon, hit: list[int], accepted: set[str]) -> Outcome:
    """Wait until all is routed, and read what was left."""
    daemon.wait_until(daemon.is_ready, seconds=90, what="ready again")
    ledger = daemon.settle(len(accepted))
    daemon.wait_until(lambda: _unpublished(daemon) == 0, seconds=60, what="done with publishing")
    with _store(daemon) as connection:
        rows = connection.execute(
            "select split_part(split_part(body_text, E'\\n', 1), ' ', 2), t.number, m.id"
            " from messages m join tickets t on t.id = m.ticket_id order by m.received_at, m.id"
        ).fetchall()
        events = connection.execute("select ticket_id, sequence from outbox order by position").fetchall()
    return Outcome(ledger=ledger, rows=rows, events=events, hit=hit, accepted=accepted)


@contextmanager
def _store(daemon: RunningDaemon) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(EmbeddedPostgres(folder=daemon.folder / "var/postgres").url()) as connection:
        yield connection


def _unpublished(daemon: RunningDaemon) -> int:
    with _store(daemon) as connection:
        row = connection.execute("select count(*) from outbox where published_at is null").fetchone()
    assert row is not None
    return int(row[0])


def check_nothing_lost_and_nothing_twice(outcome: Outcome) -> None:
    """Compare what was sent with tickets, ledger and events."""
    mails = len(outcome.accepted)
    assert mails >= KILLS * BETWEEN
    assert all(outcome.hit), "every kill must hit a mail in flight"
    tokens = [token for token, _, _ in outcome.rows]
    assert sorted(tokens) == sorted(outcome.accepted), "each mail stands exactly once"
    assert _each_conversation_has_a_ticket_of_its_own(outcome)
    assert _out_of_order(tokens) == [], "what somebody said stands in the order in which it was said"
    ledger = outcome.ledger
    assert ledger["balanced"], ledger
    assert ledger["ticketed"] == mails
    assert ledger["held"] == ledger["dead_lettered"] == 0
    assert len(outcome.events) == len(set(outcome.events)) == mails, "one event a message, in one sequence a ticket"


def _out_of_order(tokens: Sequence[str]) -> list[str]:
    latest: dict[str, int] = {}
    found = []
    for token in tokens:
        conversation, _, step = token.rpartition("-")
        if int(step) < latest.get(conversation, 0):
            found.append(token)
        latest[conversation] = int(step)
    return found


def _each_conversation_has_a_ticket_of_its_own(outcome: Outcome) -> bool:
    pairs = {(token.rsplit("-", 1)[0], ticket) for token, ticket, _ in outcome.rows}
    return len(pairs) == len({conversation for conversation, _ in pairs}) == len({ticket for _, ticket in pairs})
