"""What is done about the spool without anybody asking: warnings, and the end of machines' mail."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from routing_lab import HOLDING, START, Lab, mail, open_lab
from structlog.testing import capture_logs

from daemon.metrics import RouteMetrics, exposition
from daemon.spool_jobs import SpoolRetention, SpoolWatch
from router.desk import Desk
from ticket_store.backlog import Backlog

LATER = START + timedelta(days=31)


@pytest.fixture
async def lab(database: str) -> AsyncIterator[Lab]:
    async with open_lab(database) as made:
        yield made


def backlog(overdue: int, **reasons: int) -> Backlog:
    return Backlog(
        held=sum(reasons.values()),
        oldest_held_at=None,
        overdue=overdue,
        held_by_reason=reasons,
        dead_letters=0,
        unpublished=0,
        oldest_unpublished_at=None,
    )


def test_the_first_overdue_message_is_warned_about_once() -> None:
    watch = SpoolWatch(metrics=RouteMetrics(registry=CollectorRegistry()))
    with capture_logs() as logs:
        for overdue in (0, 1, 2, 0, 3):
            watch.see(backlog(overdue, stranger=3))
    assert [line["overdue"] for line in logs] == [1, 3]


def test_a_reason_that_nothing_is_held_for_any_more_counts_none() -> None:
    registry = CollectorRegistry()
    watch = SpoolWatch(metrics=RouteMetrics(registry=registry))
    watch.see(backlog(0, stranger=3))
    watch.see(backlog(0, bounce=1))
    text = exposition(registry)
    assert 'switchboard_spool_held{reason="stranger"} 0.0' in text
    assert 'switchboard_spool_held{reason="bounce"} 1.0' in text


@pytest.mark.postgres
async def test_machines_mail_is_discarded_after_its_time_and_peoples_never(lab: Lab) -> None:
    await lab.route(
        mail("person", answers="unknown"), mail("away", automatic="auto_reply"), mail("back", automatic="bounce")
    )
    desk = Desk(store=lab.store, policies=HOLDING, source="/switchboard/lab", clock=lambda: LATER)
    registry = CollectorRegistry()
    metrics = RouteMetrics(registry=registry)
    for age, left in ((timedelta(days=32), 3), (timedelta(days=30), 1)):
        retention = SpoolRetention(pool=lab.pool, desk=desk, keep=age, metrics=metrics, clock=lambda: LATER)
        await retention.apply()
        assert len(await lab.held()) == left
    assert await lab.held() == {"person": "unmatched_reply"}
    assert (await lab.decision("away"))["explanation"] == "Discarded by retention."
    assert "switchboard_spool_expired_total 2.0" in exposition(registry)
