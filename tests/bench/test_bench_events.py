"""Events are matched with the mails that they are about, and their order is looked at."""

import json
from datetime import UTC, datetime

import pytest

from bench.events import Seen, out_of_order, rate, seen, waits
from bench.latency import curve, parse
from bus.port import Record

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def event(at: float, message: int = 0, *, ticket: str = "t", sequence: int = 1) -> Seen:
    return Seen(at=at, stored=at, ticket=ticket, sequence=sequence, type="ticket.created", message=message)


def test_a_mail_waits_until_the_first_event_about_it() -> None:
    ended = {"a": 1.0, "b": 2.0, "lost": 3.0}
    events = [event(5.0, 7), event(1.5, 7), event(2.25, 8), event(9.0, 99), event(9.0)]
    assert waits(ended, {7: "a", 8: "b"}, events) == [0.25, 0.5]


def test_a_missing_step_of_a_ticket_is_out_of_order_and_a_repeat_is_not() -> None:
    steps = [event(1, sequence=1), event(2, sequence=1), event(3, sequence=2), event(4, sequence=4)]
    assert out_of_order([*steps, event(5, ticket="other", sequence=1)]) == 1


def test_the_rate_of_events_is_from_first_to_last() -> None:
    assert rate([event(1.0), event(2.0), event(3.0)]) == 1.5
    assert rate([]) == 0.0


def test_a_record_says_which_message_it_is_about() -> None:
    value = {"subject": "1", "type": "ticket.created", "data": {"sequence": 3, "message": {"id": 5}}}
    record = Record(
        topic="t", partition=0, offset=0, key=b"", value=json.dumps(value).encode(), headers=(), stored_at=NOW
    )
    found = seen(record, 2.0)
    assert (found.message, found.sequence, found.stored) == (5, 3, NOW.timestamp())


def test_a_curve_rises_from_the_quickest_mail_to_the_slowest() -> None:
    points = curve([number / 1000 for number in range(1000)])
    assert points == sorted(points)
    assert points[-2] == (99.0, 990.0)


def test_a_size_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--sizes", "huge"])
    assert "there is no huge" in capsys.readouterr().err
