"""A small simulated month meets every target, and its judge knows a wrong ticket from a right one."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from house_tree import ROOT

from bench.month_people import Client, Customer, Talk
from bench.month_score import End, Found, Know, Score, Sent, Want
from bench.month_world import World


@pytest.mark.slow
@pytest.mark.postgres
def test_a_small_month_puts_every_mail_where_it_belongs() -> None:
    command = [sys.executable, "bench/month.py", "--mails", "2000", "--customers", "500", "--seed", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "MISSED" not in done.stdout


def test_the_same_seed_makes_the_same_mails() -> None:
    begin, end = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
    first, second = (World(seed=3, people=50, start=begin).mails(200, begin, end) for _ in range(2))
    assert [sent.raw for sent in first] == [sent.raw for sent in second]


@pytest.mark.parametrize(
    ("ticket", "number", "end"),
    [(10, "111", End.TRUE), (20, "222", End.WRONG), (30, "333", End.OTHER), (40, "444", End.WRONG)],
)
def test_a_mail_is_judged_by_whose_ticket_it_came_to(ticket: int, number: str, end: End) -> None:
    mine = Customer(number=1, address="ana@a.example", client=Client.GMAIL, proven=True)
    other = Customer(number=2, address="bob@b.example", client=Client.GMAIL, proven=True)
    talk = Talk(customer=mine, subject="Printer", ticket=10, number="111")
    score = Score(owners={10: talk, 20: Talk(customer=other, subject="x"), 30: Talk(customer=mine, subject="y")})
    score.add(sent(Know(want=Want.ON, talk=talk, author=1)), found(ticket=ticket, number=number))
    assert score.totals() == {end: 1}


def test_a_forged_mail_on_its_victims_ticket_is_a_wrong_one() -> None:
    mine = Customer(number=1, address="ana@a.example", client=Client.GMAIL, proven=True)
    talk = Talk(customer=mine, subject="Printer", ticket=10, number="111")
    score = Score(owners={10: talk})
    score.add(sent(Know(want=Want.APART, talk=talk)), found(ticket=10, number="111"))
    score.add(sent(Know(want=Want.ON, talk=talk, author=1)), None)
    assert score.totals() == {End.WRONG: 1, End.LOST: 1}


def test_what_joins_a_wrongly_opened_ticket_of_its_own_writer_is_on_no_strangers_ticket() -> None:
    mine = Customer(number=1, address="ana@a.example", client=Client.GMAIL, proven=True)
    talk, score = Talk(customer=mine, subject="Printer", ticket=10, number="111"), Score()
    know = Know(want=Want.ON, talk=talk, author=1)
    score.add(sent(know), replace(found(ticket=50, number="555"), outcome="opened"))
    score.add(sent(know), found(ticket=50, number="555"))
    assert score.totals() == {End.OPENED: 1, End.OTHER: 1}


def sent(know: Know) -> Sent:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return Sent(category="x", raw=b"", mail_from="", rcpt_to="", at=at, verdict="none", know=know)


def found(*, ticket: int, number: str) -> Found:
    return Found(
        message_id=1, state="ticketed", ticket=ticket, number=number, rule="ids", outcome="joined", continues="",
        reported=None, explanation="",
    )  # fmt: skip
