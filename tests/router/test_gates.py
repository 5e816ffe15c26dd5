"""Gates: what refuses a candidate, and what happens then."""

from typing import Any

import pytest
from paper_router import PaperRouter
from routing_lab import ANYONE, OPENING, OWN_ADDRESS, START, mail

from schemas.placement import Gate, HoldReason, Outcome

DAY = 24 * 60


def test_ids_mean_nothing_in_another_scope() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"), mail("two", answers="one", scope="sales", account="sales"))
    assert paper.threads() == {"one": ["one"], "two": ["two"]}


def test_accounts_of_one_scope_share_tickets() -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("two", answers="one", account="sales"))
    assert paper.threads() == {"one": ["one", "two"]}


def test_a_strangers_reply_to_a_known_id_is_held() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one"), mail("two", "eve@e.example", answers="one"))
    decision = paper.placed("two").decision
    assert decision.hold is HoldReason.STRANGER
    assert (decision.rejected[0].gate, decision.rejected[0].ticket) == (Gate.PARTICIPANT, paper.ticket("one").number)
    assert decision.suggestions[0].ticket == paper.ticket("one").number


def test_a_failed_check_of_the_sender_is_never_a_participant() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one"), mail("two", answers="one", verdict="fail"))
    assert paper.hold("two") is HoldReason.SUSPICIOUS


@pytest.mark.parametrize("verdict", ["none", "temperror", "pass"])
def test_a_known_id_needs_no_verdict(verdict: str) -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("two", answers="one", verdict=verdict))
    assert paper.threads() == {"one": ["one", "two"]}


def test_whom_the_requester_names_takes_part() -> None:
    paper = PaperRouter()
    paper.route(mail("one", cc=["bob@b.example"]), mail("two", "bob@b.example", answers="one"))
    assert paper.threads() == {"one": ["one", "two"]}


def test_whom_a_participant_names_takes_no_part() -> None:
    paper = PaperRouter()
    paper.route(mail("one", cc=["bob@b.example"]), mail("two", "bob@b.example", answers="one", cc=["eve@e.example"]))
    paper.route(mail("three", "eve@e.example", answers="two"))
    assert paper.hold("three") is HoldReason.STRANGER


def test_whom_a_mail_with_a_failed_check_names_takes_no_part() -> None:
    paper = PaperRouter()
    paper.route(mail("one", verdict="fail", cc=["eve@e.example"]), mail("two", "eve@e.example", answers="one"))
    assert paper.hold("two") is HoldReason.STRANGER


def test_our_own_addresses_take_part_in_nothing() -> None:
    paper = PaperRouter()
    paper.route(mail("one", to=[OWN_ADDRESS, "sales@desk.example"]))
    assert list(paper.ticket("one").members.values()) == ["ana@a.example", "sales@desk.example"]
    assert OWN_ADDRESS not in paper.ticket("one").members.values()


def test_a_message_without_a_sender_matches_nothing() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one", ""), mail("two", "", answers="one"))
    assert paper.hold("two") is HoldReason.STRANGER


@pytest.mark.parametrize("more", [{"prefix": "forward"}, {"subject": "Something else"}])
def test_a_forward_or_another_subject_opens_a_ticket_that_follows(more: dict[str, Any]) -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("two", answers="one", **more))
    decision = paper.placed("two").decision
    assert decision.outcome is Outcome.OPENED
    assert decision.continues == paper.ticket("one").number
    assert paper.ticket("two").continues_id == paper.ticket("one").id


def test_a_candidate_further_away_with_the_same_subject_is_taken() -> None:
    paper = PaperRouter()
    paper.route(mail("one", subject="A"), mail("two", subject="B"))
    paper.route(mail("three", answers="two", references=["one"], subject="A"))
    assert paper.threads()["one"] == ["one", "three"]
    assert paper.placed("three").decision.rejected[0].gate is Gate.SUBJECT


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Printer on fire", ""),
        ("Printer on fire", "[Desk #12] Printer on fire"),
        ("Printer on fire", "***SPAM*** Printer on fire"),
        ("Printer on fire", "PRINTER  on fire!"),
        ("Printer on fire", "Odp: Printer on fire"),
        ("The printer on the second floor burns", "The printer on the second floor"),
        ("Принтер горит", "Отв: Принтер горит"),
        ("!!!", "Printer"),
    ],
)
def test_prefixes_tags_and_cut_ends_are_no_new_subject(ours: str, theirs: str) -> None:
    paper = PaperRouter()
    paper.route(mail("one", subject=ours), mail("two", answers="one", subject=theirs))
    assert paper.threads() == {"one": ["one", "two"]}


@pytest.mark.parametrize(("ours", "theirs"), [("Order", "Order 2"), ("Printer", "Scanner"), ("Invoice 1", "Invoice 2")])
def test_other_words_are_a_new_subject(ours: str, theirs: str) -> None:
    paper = PaperRouter()
    paper.route(mail("one", subject=ours), mail("two", answers="one", subject=theirs))
    assert len(paper.threads()) == 2


def test_an_answer_inside_the_window_reopens() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    ticket = paper.close("one")
    paper.route(mail("two", answers="one", minutes=13 * DAY))
    assert (ticket.status, ticket.closed_at) == ("open", None)
    assert paper.placed("two").decision.reopened
    assert [row.type for row in paper.placer.outbox][1:] == ["ticket.status_changed", "ticket.message_added"]
    assert [row.sequence for row in paper.placer.outbox] == [1, 2, 3]


def test_an_answer_received_before_the_closing_reopens_however_late_it_is_routed() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    ticket = paper.close("one", minutes=30 * DAY)
    paper.route(mail("two", answers="one", minutes=1))
    assert ticket.closed_at is None


def test_an_answer_outside_the_window_opens_a_ticket_that_follows_and_the_next_one_joins_that() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    ticket = paper.close("one")
    paper.route(mail("two", answers="one", minutes=15 * DAY), mail("three", answers="one", minutes=16 * DAY))
    assert paper.threads() == {"one": ["one"], "two": ["two", "three"]}
    assert paper.ticket("two").continues_id == ticket.id
    assert ticket.closed_at == START


def test_an_automatic_answer_joins_and_reopens_nothing() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    ticket = paper.close("one")
    paper.route(mail("away", answers="one", automatic="auto_reply", subject="Out of office", minutes=1))
    paper.route(mail("late", answers="one", automatic="auto_reply", minutes=20 * DAY))
    assert paper.threads() == {"one": ["one", "away", "late"]}
    assert ticket.closed_at == START


def test_an_automatic_answer_that_belongs_to_nothing_is_held() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one", automatic="auto_reply"), mail("two", automatic="auto_reply", answers="away"))
    assert paper.held() == {"one": "auto_reply", "two": "auto_reply"}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"kind": "undecodable"}, "undecodable"),
        ({"automatic": "bounce"}, "bounce"),
        ({"automatic": "bounce", "answers": "first"}, "bounce"),
        ({"kind": "edit"}, "edit"),
    ],
)
def test_what_nobody_can_answer_waits_for_a_person(more: dict[str, Any], reason: str) -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("first"), mail("one", **more))
    assert paper.held() == {"one": reason}


@pytest.mark.parametrize("more", [{"kind": "receipt"}, {"kind": "membership"}, {"automatic": "loop"}])
def test_what_asks_for_nothing_is_noted(more: dict[str, Any]) -> None:
    paper = PaperRouter()
    paper.route(mail("one", **more))
    assert paper.placed("one").state == "noted"


def test_a_reply_to_a_held_message_of_the_same_sender_waits_with_it() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"), mail("two", "eve@e.example", answers="one"))
    paper.route(mail("three", "eve@e.example", answers="two"), mail("four", "bob@b.example", answers="two"))
    assert paper.held() == {"two": "stranger", "three": "follows_held"}
    assert paper.threads()["four"] == ["four"]
