import asyncio
import socket
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry

from daemon.gathered import Gathered
from daemon.health import BUS, STORE, Board, Report, Trouble, readiness
from daemon.link import ChildLink, reports
from daemon.metrics import IntakeMetrics, RouteMetrics, exposition
from daemon.process import Process
from daemon.settings import Settings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def test_a_trouble_keeps_its_first_time_and_ends() -> None:
    clock, changes = Clock(), []
    board = Board(clock=clock, changed=lambda: changes.append(clock.now))
    board.set(BUS, "down")
    clock.now += timedelta(seconds=90)
    board.set(BUS, "down")
    assert [(trouble.reason, trouble.since) for trouble in board] == [(BUS, NOON)]
    assert (board.age(BUS), board.age(STORE)) == (90, 0)
    board.clear(BUS)
    assert list(board) == []
    assert changes == [NOON, clock.now]


def test_troubles_of_one_reason_are_told_apart_by_name() -> None:
    board = Board(clock=Clock())
    board.set("partition", "stopped", name="3")
    board.set("partition", "stopped", name="4")
    board.clear("partition", name="3")
    assert len(list(board)) == 1


def test_readiness_names_the_process_and_the_reason() -> None:
    red = Report(process="route-0", troubles=(Trouble(reason=STORE, detail="no answer", since=NOON),))
    ready, answer = readiness({"ingest": Report(process="ingest"), "route-0": red})
    assert not ready
    assert answer["troubles"] == [
        {"process": "route-0", "reason": "store", "detail": "no answer", "since": "2026-11-22T12:00:00Z"}
    ]


def test_metrics_of_several_processes_stand_side_by_side() -> None:
    gathered, shown = Gathered(), CollectorRegistry()
    shown.register(gathered)
    for number, process in enumerate(["ingest-a", "ingest-b"], start=1):
        registry = CollectorRegistry()
        metrics = IntakeMetrics(registry=registry)
        for _ in range(number):
            metrics.accepted(account="support", kind="message")
        metrics.took(0.002)
        gathered.put(process, exposition(registry))
    text = exposition(shown)
    assert 'switchboard_accepted_total{account="support",kind="message",process="ingest-a"} 1.0' in text
    assert 'switchboard_accepted_total{account="support",kind="message",process="ingest-b"} 2.0' in text
    assert text.count("# TYPE switchboard_accepted_total counter") == 1
    assert 'switchboard_accept_seconds_bucket{le="0.0025",process="ingest-a"} 1.0' in text
    gathered.drop("ingest-b")
    assert "ingest-b" not in exposition(shown)


def test_what_the_router_does_is_counted_by_outcome_and_phase() -> None:
    registry = CollectorRegistry()
    metrics = RouteMetrics(registry=registry)
    metrics.routed("held", "unmatched", 3)
    metrics.phase("write", 0.2)
    metrics.lag(4, 1.5)
    text = exposition(registry)
    assert 'switchboard_routed_total{outcome="held",rule="unmatched"} 3.0' in text
    assert 'switchboard_batch_phase_seconds_sum{phase="write"} 0.2' in text
    assert 'switchboard_routed_age_seconds{partition="4"} 1.5' in text


def test_the_age_of_an_outage_is_a_metric_that_falls_to_0() -> None:
    clock = Clock()
    process = Process(name="ingest", settings=Settings())
    process.board = Board(clock=clock)
    process.board.set(BUS, "down")
    clock.now += timedelta(hours=3)
    text = process.metrics()
    assert 'switchboard_outage_seconds{of="bus"} 10800.0' in text
    assert 'switchboard_trouble{reason="bus"} 1.0' in text
    assert "switchboard_ready 0.0" in text
    process.board.clear(BUS)
    text = process.metrics()
    assert 'switchboard_outage_seconds{of="bus"} 0.0' in text
    assert 'switchboard_trouble{reason="bus"}' not in text
    assert "switchboard_ready 1.0" in text


async def test_a_child_is_heard_and_noise_on_the_line_is_passed_over() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"no json\n")
    link = await ChildLink.from_fd(theirs.detach())
    await link.send(Report(process="ingest", metrics="x"))
    heard = reports(ours)
    assert await anext(heard) == Report(process="ingest", metrics="x")
    await heard.aclose()
    async with asyncio.timeout(5):
        await link.ended()
    await link.send(Report(process="ingest"))
    link.close()
