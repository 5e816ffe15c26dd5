"""Rule 7: delivery reports change the state of the message whose token they name, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from paper_router import RETIRED, SIGNER, PaperRouter
from routing_lab import START, mail

from schemas.message import DeliveryReport, InboundMessage
from schemas.placement import HoldReason, Outcome, Rule, Source

DAEMON = "mailer-daemon@mx.example"


def report(name: str, *, place: str = "report", token: str = "", **said: Any) -> InboundMessage:
    return mail(
        name,
        DAEMON,
        subject="Undelivered",
        automatic="bounce",
        tokens=[(place, token)] if token else [],
        report={"recipient": "ana@a.example", "status": "5.1.1", "diagnostic": "no such user", **said},
    )


@pytest.mark.parametrize("place", ["report", "recipient", "delivered_to", "to", "in_reply_to", "references"])
def test_a_bounce_marks_the_recipient_of_the_message_that_it_names(place: str) -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    version = paper.ticket("one").version
    paper.route(report("two", place=place, token=token))
    placed = paper.placed("two")
    assert (placed.decision.rule, placed.decision.outcome, placed.ticket) == (Rule.REPORT, Outcome.NOTED, None)
    assert placed.decision.evidence[0].source is Source.REPORT
    recipient = paper.sent(token)[0]
    assert (recipient["state"], recipient["code"], recipient["reason"]) == ("bounced", "5.1.1", "no such user")
    assert recipient["at"] == START.isoformat()
    assert paper.placer.outbox[-1].type == "ticket.delivery_changed"
    assert (paper.ticket("one").version, paper.ticket("one").message_count) == (version + 1, 1)


def test_an_id_in_the_report_is_read_even_if_nobody_has_looked_for_tokens() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    paper.route(report("two", originals=[{"digest": "0" * 64, "shown": f"<{paper.id_of(token)}>"}]))
    assert paper.sent(token)[0]["state"] == "bounced"


def test_what_says_nothing_about_delivery_marks_nothing_and_is_held() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    paper.route(report("two", place="recipient", token=token, status="", diagnostic=""))
    assert paper.held() == {"two": "bounce"}
    assert paper.sent(token)[0]["state"] == "sent"


def test_a_bounce_that_names_no_message_of_ours_is_held() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    forged = RETIRED.issue(ticket_id=1, message_id=2, opened_at=START)
    paper.route(report("two"), report("three", token=forged), report("four", token=token[:-1] + "a"))
    assert paper.held() == {"two": "bounce", "three": "bounce", "four": "bounce"}
    assert paper.sent(token)[0]["state"] == "sent"


def test_a_token_of_before_a_restore_marks_no_message_that_has_its_number_now() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token, ticket = paper.say("one"), paper.ticket("one")
    before = SIGNER.issue(ticket_id=ticket.id, message_id=2, opened_at=START - timedelta(days=1))
    assert before != token
    paper.route(report("two", token=before))
    assert paper.held() == {"two": "bounce"}
    assert paper.sent(token)[0]["state"] == "sent"


def test_a_bounce_never_opens_a_closed_ticket() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    ticket = paper.close("one")
    paper.route(report("two", token=token))
    assert ticket.closed_at is not None
    assert paper.sent(token)[0]["state"] == "bounced"


def test_a_bounce_without_a_name_is_about_the_only_recipient_or_held() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    alone, together = paper.say("one"), paper.say("one", to=["ana@a.example", "bob@b.example"])
    paper.route(report("two", token=alone, recipient=""), report("three", token=together, recipient=""))
    assert paper.sent(alone)[0]["state"] == "bounced"
    assert [recipient["state"] for recipient in paper.sent(together)] == ["sent", "sent"]
    assert paper.hold("three") is HoldReason.BOUNCE


def test_one_of_several_recipients_is_marked_alone() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one", to=["ana@a.example", "bob@b.example"])
    paper.route(report("two", token=token, recipient="Bob@B.example"))
    assert [recipient["state"] for recipient in paper.sent(token)] == ["sent", "bounced"]


def test_every_recipient_of_whom_a_report_tells_is_marked_with_its_own_reason() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one", to=["ana@a.example", "bob@b.example", "cid@c.example", "dan@d.example"])
    others = [
        {"recipient": "bob@b.example", "status": "5.2.2", "diagnostic": "mailbox full"},
        {"recipient": "cid@c.example", "status": "4.4.1", "action": "delayed"},
        {"recipient": "nobody@of.ours.example", "status": "5.1.1"},
    ]
    paper.route(report("two", token=token, others=others))
    told = [(recipient["state"], recipient["reason"]) for recipient in paper.sent(token)]
    assert told == [("bounced", "no such user"), ("bounced", "mailbox full"), ("delayed", ""), ("sent", "")]
    assert [row.type for row in paper.placer.outbox].count("ticket.delivery_changed") == 1


def test_a_report_about_one_of_ours_and_a_stranger_marks_ours() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one", to=["ana@a.example", "bob@b.example"])
    paper.route(report("two", token=token, recipient="nobody@of.ours.example", others=[{"recipient": "bob@b.example"}]))
    assert [recipient["state"] for recipient in paper.sent(token)] == ["sent", "bounced"]


@pytest.mark.parametrize(
    ("actions", "state", "events"),
    [
        (["delayed"], "delayed", 1),
        (["delivered"], "delivered", 1),
        (["delayed", "delivered"], "delivered", 2),
        (["delivered", "delayed"], "delivered", 1),
        (["delivered", "failed"], "bounced", 2),
        (["failed", "delivered"], "bounced", 1),
        (["failed", "failed"], "bounced", 1),
        (["relayed"], "sent", 0),
        (["expanded"], "sent", 0),
    ],
)
def test_later_reports_say_more_but_a_final_state_stays(actions: list[str], state: str, events: int) -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    for number, action in enumerate(actions):
        paper.route(report(f"r{number}", token=token, action=action))
    assert paper.sent(token)[0]["state"] == state
    assert [row.type for row in paper.placer.outbox].count("ticket.delivery_changed") == events
    assert paper.held() == {}


def test_what_failed_here_has_never_left() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one", state="failed")
    paper.route(report("two", token=token, action="delivered"))
    assert paper.sent(token)[0]["state"] == "failed"


def test_a_bounce_without_a_report_is_held_whatever_it_names() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    paper.route(mail("two", DAEMON, answers="one", automatic="bounce", tokens=[("recipient", token)]))
    assert paper.hold("two") is HoldReason.BOUNCE
    assert paper.sent(token)[0]["state"] == "sent"


def test_the_words_of_another_system_are_cut() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    diagnostic = DeliveryReport(diagnostic="x" * 998).diagnostic
    paper.route(report("two", token=token, diagnostic=diagnostic))
    assert len(paper.sent(token)[0]["reason"]) == 500
