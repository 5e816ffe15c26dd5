"""Two Switchboards that write to each other, and storms of bounces: both end, and nobody's ticket grows by them."""

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from email import message_from_bytes
from email.policy import SMTP
from typing import Any

import pytest
from forgery import ANA, victim
from postgres_server import PostgresServer
from routing_lab import Lab, open_lab
from scenario_file import Scenario
from scenario_mail import Written
from scenario_stage import Stage
from scenario_theatre import Theatre

MOST_ROUNDS = 12
STORM = 1000
PATIENCE = 60.0
"""Seconds for a storm, on a machine that does other things, too; it takes two or three."""
STRIPPED = ("Auto-Submitted", "X-Auto-Response-Suppress", "X-Loop")


def settings(address: str) -> dict[str, Any]:
    notices = {"receipt": True, "refused_file": True}
    return {"accounts": {"support": {"addresses": [address], "notices": notices, "policy": {"unmatched": "new"}}}}


@pytest.fixture(scope="module")
def other_lab(theatre: Theatre, postgres_server: PostgresServer, postgres_template: str) -> Iterator[Lab]:
    """Give a second installation: its own database, keys and id."""
    name = postgres_server.create(template=postgres_template)
    stack = AsyncExitStack()
    yield theatre.run(stack.enter_async_context(open_lab(postgres_server.url(name))))
    theatre.run(stack.aclose())
    postgres_server.drop(name)


class TwoDesks:
    """Two installations whose relays bring mail to each other. `strips` says that the relays lose fields on the way."""

    def __init__(self, theatre: Theatre, other: Lab, *, strips: bool) -> None:
        number = theatre.number()
        self.here, self.there = f"a{number}@one.example", f"b{number}@two.example"
        self._theatre = theatre
        self._strips = strips
        self._seen = {self.here: 0, self.there: 0}
        self.stages = {
            address: Stage(lab, Scenario(title="", cites=(), steps=(), settings=settings(address)), number)
            for address, lab in ((self.here, theatre.lab), (self.there, other))
        }

    def do(self, address: str, **entry: Any) -> None:
        self._theatre.run(self.stages[address].do(**entry))

    def pump(self) -> int:
        """Deliver what each sent to the other until there is nothing more; say how many mails that were."""
        delivered = 0
        for _ in range(MOST_ROUNDS):
            moving = [(address, mail) for address in self.stages for mail in self._fresh(address)]
            if not moving:
                return delivered
            for sender, mail in moving:
                receiver = self.there if sender == self.here else self.here
                delivered += 1
                self._deliver(sender, receiver, mail, f"mail {delivered} of {sender}")
        raise AssertionError("the two desks still write to each other")

    def _fresh(self, address: str) -> list[Written]:
        sent = self.stages[address].office.relay.sent
        found = [one.mail for one in sent[self._seen[address] :]]
        self._seen[address] = len(sent)
        return found

    def _deliver(self, sender: str, receiver: str, mail: Written, name: str) -> None:
        parsed = message_from_bytes(mail.raw, policy=SMTP)
        automatic = "Auto-Submitted" in parsed
        for field in STRIPPED if self._strips else ():
            del parsed[field]
        stage = self.stages[receiver]
        stage.post.written[name] = Written.of(parsed.as_bytes())
        to = [str(address.addr_spec) for address in parsed["To"].addresses]
        facts = {"from": sender, "mail from": "" if automatic else sender, "verdict": "pass", "delivered to": to}
        stage.facts[name] = facts
        self.do(receiver, again=name)


@pytest.mark.parametrize("way", ["keeps", "strips"])
@pytest.mark.parametrize("begins", ["a customer's mail", "an agent's reply", "a big file"])
def test_two_desks_that_confirm_everything_come_to_an_end(
    theatre: Theatre, other_lab: Lab, begins: str, way: str
) -> None:
    desks = TwoDesks(theatre, other_lab, strips=way == "strips")
    files = [{"name": "film.mp4", "size": 21_000_000}] if begins == "a big file" else []
    desks.do(
        desks.here,
        mail="first",
        from_=desks.there,
        to=desks.here,
        subject="Our order",
        verdict="pass",
        files=files,
    )
    if begins == "an agent's reply":
        desks.do(desks.here, reply="ours", to_ticket_of="first", text="It is on its way.")
    assert desks.pump() <= MOST_ROUNDS
    for address in desks.stages:
        tickets = theatre.run(desks.stages[address].rows.tickets())
        assert len(tickets) <= 2, f"the desk at {address} opened {len(tickets)} tickets"


def bounces(count: int, **more: Any) -> list[dict[str, Any]]:
    mail = {"from": "MAILER-DAEMON@mx.customer.example", "bounces": "ours", "recipient": ANA, "mail from": "", **more}
    return [
        {"mail": f"bounce {number}", **mail, "date": f"Mon, 2 Mar 2026 10:{number % 60:02}:00 +0000"}
        for number in range(count)
    ]


def test_a_storm_of_bounces_changes_one_ticket_once(theatre: Theatre) -> None:
    case = victim(theatre)
    before = theatre.run(case.stage.rows.tickets())
    ticket = case.message("first")["ticket_id"]
    sent = len(case.stage.office.relay.sent)
    begun = time.monotonic()
    for half in (0, 1):
        storm = bounces(STORM // 2)
        for number, mail in enumerate(storm):
            mail["mail"] = f"bounce {half} {number}"
        case.do(together=storm)
    assert time.monotonic() - begun < PATIENCE
    after = theatre.run(case.stage.rows.tickets())
    assert after.keys() == before.keys()
    assert after[ticket]["version"] - before[ticket]["version"] <= 2
    assert after[ticket]["events"][before[ticket]["version"] :] in (
        ["ticket.delivery_changed"],
        ["ticket.delivery_changed"] * 2,
    )
    rows = theatre.run(case.stage.rows.messages())
    assert {row["state"] for row in rows if row["automatic"] == "bounce"} == {"noted"}
    assert len(case.stage.office.relay.sent) == sent
    assert theatre.run(case.stage.rows.notices()) == []


def test_a_storm_of_bounces_about_nothing_of_ours_opens_nothing_and_tells_nobody(theatre: Theatre) -> None:
    case = victim(theatre)
    storm = [
        {
            "mail": f"bounce {number}",
            "from": "MAILER-DAEMON@mx.elsewhere.example",
            "mail from": "",
            "subject": f"Undelivered Mail {number}",
            "body": "It was not delivered.",
        }
        for number in range(200)
    ]
    case.do(together=storm)
    rows = theatre.run(case.stage.rows.messages())
    assert {row["held"] for row in rows if row["automatic"] == "bounce"} == {"bounce"}
    assert theatre.run(case.stage.rows.notices()) == []
    case.check_untouched()
