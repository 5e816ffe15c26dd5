"""Rules 4, 9, 10 and 11, each with the traps that it avoids."""

from datetime import timedelta
from typing import Any

import pytest
from paper_router import PaperRouter
from routing_lab import ANYONE, HOLDING, OPENING, mail

from router.policy import AccountPolicy, Otherwise, Policies, SenderMatch, Takes
from schemas.placement import Gate, HoldReason, Outcome, Relation, Rule, Source

DAY = 24 * 60


def policies(**choices: Any) -> Policies:
    return Policies(own_addresses=HOLDING.own_addresses, default=AccountPolicy(**choices))


def test_a_request_opens_a_ticket() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    decision = paper.placed("one").decision
    assert (decision.rule, decision.outcome) == (Rule.NEW, Outcome.OPENED)
    assert decision.ticket == paper.ticket("one").number
    assert decision.explanation == "It is a new request."


def test_in_reply_to_finds_the_ticket_and_the_decision_says_so() -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("two", answers="one"))
    decision = paper.placed("two").decision
    assert paper.ticket("two") is paper.ticket("one")
    assert (decision.rule, decision.outcome) == (Rule.IDS, Outcome.JOINED)
    assert (decision.evidence[0].source, decision.evidence[0].relation) == (Source.IN_REPLY_TO, Relation.KNOWN)
    assert decision.evidence[0].message_id == 1


def test_references_are_read_from_right_to_left() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"), mail("two"), mail("three", references=["one", "two", "unknown"]))
    assert paper.ticket("three") is paper.ticket("two")
    assert [s.ticket for s in paper.placed("three").decision.suggestions] == [paper.ticket("one").number]


def test_a_known_id_beats_a_nearer_quoted_one() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one", subject="A"), mail("two", answers="away", subject="B"))
    paper.route(mail("three", answers="away", references=["one"], subject="A"))
    assert paper.ticket("three") is paper.ticket("one")


def test_a_quoted_id_finds_the_ticket_of_the_same_sender() -> None:
    paper = PaperRouter(policies(unmatched=Otherwise.NEW))
    paper.route(mail("one", answers="away", verdict="pass"))
    paper.route(mail("two", references=["away"], subject="", verdict="pass"))
    assert paper.ticket("two") is paper.ticket("one")
    assert paper.placed("two").decision.evidence[0].relation is Relation.QUOTED


def test_a_quoted_id_needs_a_verdict_unless_any_sender_may_match() -> None:
    paper = PaperRouter(policies(unmatched=Otherwise.NEW))
    paper.route(mail("one", answers="away", verdict="pass"), mail("two", answers="away"))
    assert paper.ticket("two") is not paper.ticket("one")
    assert paper.placed("two").decision.rejected[0].gate is Gate.VERDICT


def test_a_quoted_id_never_joins_two_senders_who_do_not_name_each_other() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one", "ana@a.example", answers="away"), mail("two", "bob@b.example", answers="away"))
    assert paper.ticket("two") is not paper.ticket("one")


def test_a_quoted_id_joins_two_who_name_each_other() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one", "ana@a.example", answers="away", cc=["bob@b.example"]))
    paper.route(mail("two", "bob@b.example", answers="away", cc=["ana@a.example"]))
    assert paper.ticket("two") is paper.ticket("one")


def test_naming_the_requester_is_not_enough_to_come_onto_the_ticket() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one", "ana@a.example", answers="away"))
    paper.route(mail("two", "eve@e.example", answers="away", cc=["ana@a.example"]))
    assert paper.ticket("two") is not paper.ticket("one")
    assert paper.placed("two").decision.rejected[0].gate is Gate.PARTICIPANT


def test_somebody_named_on_two_tickets_with_the_same_quoted_id_is_drawn_to_neither() -> None:
    paper = PaperRouter(ANYONE)
    for sender in ("ana@a.example", "eve@e.example"):
        paper.route(mail(sender, sender, answers="away", cc=["bob@b.example"]))
    paper.route(mail("two", "bob@b.example", answers="away"))
    assert paper.threads()["two"] == ["two"]


def test_the_owner_of_a_thread_is_not_drawn_to_whoever_quoted_it_first() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("bait", "eve@e.example", references=["thread"]))
    paper.route(mail("answer", "ana@a.example", answers="thread"))
    paper.route(mail("thread", "ana@a.example"), mail("more", "ana@a.example", answers="thread", minutes=1))
    assert all("bait" not in names for first, names in paper.threads().items() if first != "bait")
    assert paper.threads()["bait"] == ["bait"]


def test_an_id_that_came_with_two_messages_proposes_nothing() -> None:
    paper = PaperRouter()
    paper.route(mail("one", "ana@a.example"))
    forged = mail("one", "eve@e.example", body="forged id")
    paper.route(forged, mail("answer", "ana@a.example", answers="one"))
    assert paper.threads()["forged id"] == ["forged id"]
    assert paper.hold("answer") is HoldReason.UNMATCHED


def test_a_forger_who_comes_first_does_not_draw_the_answers_to_the_true_message() -> None:
    paper = PaperRouter()
    paper.route(mail("one", "eve@e.example", body="forged", cc=["ana@a.example"]))
    paper.route(mail("one", "ana@a.example", body="true"), mail("answer", "ana@a.example", answers="one"))
    assert paper.threads()["forged"] == ["forged"]
    assert paper.hold("answer") is HoldReason.UNMATCHED


def test_the_same_sender_and_subject_join_the_one_open_ticket() -> None:
    paper = PaperRouter()
    paper.route(mail("one", verdict="pass"), mail("two", verdict="pass", minutes=6 * DAY))
    paper.route(mail("three", verdict="pass", prefix="reply", minutes=12 * DAY))
    assert paper.threads() == {"one": ["one", "two", "three"]}
    assert paper.placed("two").decision.rule is Rule.SENDER


def test_two_open_tickets_with_the_same_sender_and_subject_are_named_and_neither_is_joined() -> None:
    paper = PaperRouter(policies(sender_match=SenderMatch.VERIFIED, sender_window=timedelta(hours=1)))
    paper.route(mail("one", verdict="pass"), mail("two", verdict="pass", minutes=61))
    paper.ticket("one").last_message_at = paper.ticket("two").last_message_at
    paper.route(mail("three", verdict="pass", answers="lost", minutes=62))
    decision = paper.placed("three").decision
    tickets = {paper.ticket("one").number, paper.ticket("two").number}
    assert decision.hold is HoldReason.UNMATCHED
    assert {rejected.ticket for rejected in decision.rejected} == tickets
    assert {rejected.gate for rejected in decision.rejected} == {Gate.AMBIGUOUS}
    assert {suggestion.ticket for suggestion in decision.suggestions} == tickets


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"verdict": "pass"}, {"verdict": "none"}),
        ({"verdict": "pass"}, {"verdict": "fail"}),
        ({"verdict": "pass"}, {"verdict": "pass", "minutes": 8 * DAY}),
        ({"verdict": "pass"}, {"verdict": "pass", "subject": "Scanner"}),
        ({"verdict": "pass", "subject": ""}, {"verdict": "pass", "subject": ""}),
        ({"verdict": "pass"}, {"verdict": "pass", "account": "sales"}),
        ({"verdict": "pass"}, {"verdict": "pass", "prefix": "forward"}),
        ({"verdict": "pass", "sender": ""}, {"verdict": "pass", "sender": ""}),
        ({"verdict": "pass"}, {"verdict": "pass", "sender": "bob@b.example"}),
    ],
)
def test_the_sender_match_needs_all_of_its_conditions(first: dict[str, Any], second: dict[str, Any]) -> None:
    paper = PaperRouter()
    paper.route(mail("one", **first), mail("two", **second))
    assert paper.threads() == {"one": ["one"], "two": ["two"]}


def test_two_open_tickets_that_fit_are_no_match() -> None:
    paper = PaperRouter(policies(sender_match=SenderMatch.OFF))
    paper.route(mail("one", verdict="pass"), mail("two", verdict="pass"))
    paper.policies = HOLDING
    paper.placer._policies = HOLDING
    paper.route(mail("three", verdict="pass"))
    assert len(paper.threads()) == 3


def test_a_closed_ticket_is_no_sender_match() -> None:
    paper = PaperRouter()
    paper.route(mail("one", verdict="pass"))
    paper.close("one")
    paper.route(mail("two", verdict="pass"))
    assert paper.ticket("two") is not paper.ticket("one")


@pytest.mark.parametrize("match", [SenderMatch.VERIFIED, SenderMatch.ANY, SenderMatch.OFF])
def test_the_account_says_whose_sender_counts(match: SenderMatch) -> None:
    paper = PaperRouter(policies(sender_match=match))
    paper.route(mail("one"), mail("two"), mail("three", subject="B", verdict="pass"))
    paper.route(mail("four", subject="B", verdict="pass"))
    assert (paper.ticket("one") is paper.ticket("two")) is (match is SenderMatch.ANY)
    assert (paper.ticket("three") is paper.ticket("four")) is (match is not SenderMatch.OFF)


@pytest.mark.parametrize(
    "more", [{"answers": "away"}, {"references": ["away"]}, {"prefix": "reply"}, {"answers": "away", "prefix": "none"}]
)
def test_a_reply_that_matches_nothing_is_held_or_opens_a_ticket_as_the_account_wants(more: dict[str, Any]) -> None:
    holding, opening = PaperRouter(), PaperRouter(OPENING)
    for paper in (holding, opening):
        paper.route(mail("one", **more))
    assert holding.hold("one") is HoldReason.UNMATCHED
    assert opening.threads() == {"one": ["one"]}
    assert opening.placed("one").decision.rule is Rule.UNMATCHED


def test_a_forward_of_something_unknown_is_a_new_request() -> None:
    paper = PaperRouter()
    paper.route(mail("one", references=["away"], prefix="forward"))
    assert paper.threads() == {"one": ["one"]}


def test_an_account_for_replies_holds_new_requests() -> None:
    paper = PaperRouter(policies(takes=Takes.REPLIES))
    paper.route(mail("one"))
    assert paper.hold("one") is HoldReason.REPLIES_ONLY


def test_a_removed_account_keeps_the_default_policy() -> None:
    only_sales = Policies(accounts={"sales": AccountPolicy(unmatched=Otherwise.NEW)})
    paper = PaperRouter(only_sales)
    paper.route(mail("one", answers="away"), mail("two", answers="gone", account="sales"))
    assert paper.held() == {"one": "unmatched_reply"}


def test_windows_move_with_the_received_time_alone() -> None:
    paper = PaperRouter(policies(sender_window=timedelta(hours=1)))
    paper.route(mail("one", verdict="pass"), mail("two", verdict="pass", minutes=59))
    paper.route(mail("three", verdict="pass", minutes=59 + 61))
    assert paper.threads() == {"one": ["one", "two"], "three": ["three"]}


def test_an_id_with_which_several_messages_came_is_shown_to_a_person_and_places_nothing() -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("one", "bob@b.example", subject="Else"), mail("two", answers="one"))
    decision = paper.placed("two").decision
    number = paper.ticket("one").number
    assert decision.hold is HoldReason.UNMATCHED
    assert [(found.gate, found.ticket) for found in decision.rejected] == [(Gate.REUSED, number)]
    assert [(one.ticket, one.why) for one in decision.suggestions] == [
        (number, "an id names this ticket, but several messages came with this id")
    ]
