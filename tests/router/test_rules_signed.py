"""Rules 1, 2, 3 and 8: what we signed ourselves, and what only looks like it."""

from datetime import timedelta
from uuid import UUID

import pytest
from paper_router import RETIRED, SIGNER, PaperRouter
from routing_lab import ANYONE, HOLDING, OPENING, START, digest, mail

from router.tokens import Signer, SigningKey
from schemas.placement import Gate, HoldReason, Outcome, Relation, Rule, Source

ADDRESSES = ["recipient", "delivered_to", "to", "cc"]
ANSWERED = ["in_reply_to", "references"]
ELSEWHERE = Signer(instance_id=UUID(int=8), keys=[SigningKey(id=2, secret=bytes(32))])
FORGER = Signer(instance_id=UUID(int=7), keys=[SigningKey(id=2, secret=b"x" * 32)])


@pytest.mark.parametrize("place", ADDRESSES)
def test_a_signed_reply_address_finds_the_ticket_wherever_it_stands(place: str) -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"))
    paper.route(mail("two", tokens=[(place, paper.say("one"))]))
    decision = paper.placed("two").decision
    assert paper.ticket("two") is paper.ticket("one")
    assert (decision.rule, decision.evidence[0].source) == (Rule.REPLY_TOKEN, Source.REPLY_TOKEN)


@pytest.mark.parametrize("place", ANSWERED)
def test_our_signed_id_finds_the_ticket_when_no_index_has_it(place: str) -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"))
    paper.route(mail("two", answers="rewritten", tokens=[(place, paper.say("one"))]))
    assert paper.ticket("two") is paper.ticket("one")
    assert paper.placed("two").decision.rule is Rule.SIGNED_ID


def test_a_reply_address_comes_before_a_signed_id_and_that_before_other_ids() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("a", subject="A"), mail("b", subject="B"), mail("c", subject="C"))
    token_a, token_b = paper.say("a"), paper.say("b")
    paper.route(mail("two", answers="c", subject="", tokens=[("cc", token_a), ("in_reply_to", token_b)]))
    paper.route(mail("three", answers="c", subject="", tokens=[("in_reply_to", token_b)]))
    assert paper.ticket("two") is paper.ticket("a")
    assert paper.ticket("three") is paper.ticket("b")
    assert {s.ticket for s in paper.placed("two").decision.suggestions} == {
        paper.ticket("b").number,
        paper.ticket("c").number,
    }


def test_a_true_token_needs_no_verdict_and_a_failed_one_defeats_it() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one"))
    token = paper.say("one")
    paper.route(mail("two", tokens=[("to", token)]), mail("three", tokens=[("to", token)], verdict="fail"))
    assert paper.ticket("two") is paper.ticket("one")
    assert paper.hold("three") is HoldReason.SUSPICIOUS


def test_whoever_got_hold_of_a_token_is_still_a_stranger() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one"))
    paper.route(mail("two", "eve@e.example", tokens=[("recipient", paper.say("one"))], verdict="pass"))
    decision = paper.placed("two").decision
    assert decision.hold is HoldReason.STRANGER
    assert [(found.gate, found.evidence.source) for found in decision.rejected] == [
        (Gate.PARTICIPANT, Source.REPLY_TOKEN)
    ]


def test_a_refused_token_does_not_bar_the_next_candidate() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("bobs", "bob@b.example"), mail("one"))
    paper.route(mail("two", answers="one", tokens=[("to", paper.say("bobs"))]))
    decision = paper.placed("two").decision
    assert paper.ticket("two") is paper.ticket("one")
    assert (decision.rule, decision.rejected[0].gate) == (Rule.IDS, Gate.PARTICIPANT)


@pytest.mark.parametrize(
    ("signer", "reason"),
    [(ELSEWHERE, "another installation"), (FORGER, "signature is wrong"), (RETIRED, "was retired")],
)
def test_what_is_not_ours_or_not_any_more_proposes_nothing_and_the_decision_says_why(
    signer: Signer, reason: str
) -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"))
    token = signer.issue(ticket_id=1, message_id=2, opened_at=START)
    paper.route(mail("two", subject="Scanner", tokens=[("recipient", token)]))
    rejected = paper.placed("two").decision.rejected
    assert paper.ticket("two") is not paper.ticket("one")
    assert [(found.gate, found.evidence.source) for found in rejected] == [(Gate.TOKEN, Source.REPLY_TOKEN)]
    assert reason in rejected[0].reason


def test_every_changed_letter_makes_a_token_false() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"))
    token = paper.say("one")
    for place in range(len(token)):
        changed = token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :]
        paper.route(mail(f"m{place}", subject=f"S{place}", tokens=[("recipient", changed)]))
        assert paper.ticket(f"m{place}") is not paper.ticket("one")


def test_a_token_leads_to_where_its_message_stands_now() -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("other", subject="Scanner"))
    token = paper.say("one")
    message_id = max(paper.view.messages)
    moved = paper.view.messages[message_id]._replace(ticket_id=paper.ticket("other").id)
    paper.view.messages[message_id] = moved
    paper.route(mail("two", subject="Scanner", tokens=[("recipient", token)]))
    assert paper.ticket("two") is paper.ticket("other")


def test_after_a_restore_neither_tickets_nor_messages_with_the_same_numbers_are_taken_for_the_old_ones() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"), mail("other", subject="Scanner"))
    paper.say("other")
    message_id = max(paper.view.messages)
    before = SIGNER.issue(ticket_id=1, message_id=message_id, opened_at=START + timedelta(days=3))
    paper.route(mail("two", subject="Camera", tokens=[("recipient", before)]))
    assert paper.threads()["two"] == ["two"]
    assert paper.placed("two").decision.rejected[0].reason.startswith("it was made for another ticket")
    lost = SIGNER.issue(ticket_id=1, message_id=message_id, opened_at=START)
    paper.route(mail("three", tokens=[("recipient", lost)]))
    assert paper.ticket("three") is paper.ticket("one"), "the ticket is the same, the message was lost"


@pytest.mark.parametrize("place", ["own_id", "loop"])
def test_our_own_mail_that_comes_back_is_noted_and_nothing_more(place: str) -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one"))
    token = paper.say("one")
    paper.route(mail("two", answers="one", tokens=[(place, token), ("to", token)]))
    placed = paper.placed("two")
    assert (placed.decision.rule, placed.decision.outcome, placed.ticket) == (Rule.LOOP, Outcome.NOTED, None)
    assert placed.decision.evidence[0].source is Source.LOOP


@pytest.mark.parametrize("place", ["own_id", "loop"])
def test_a_forged_mark_of_ours_makes_no_loop(place: str) -> None:
    paper = PaperRouter()
    paper.route(mail("one", tokens=[(place, FORGER.issue(ticket_id=1, message_id=1, opened_at=START))]))
    assert paper.placed("one").decision.outcome is Outcome.OPENED


def test_our_id_as_somebodys_message_id_never_spoils_it() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    echo = mail(paper.id_of(token), "eve@e.example", tokens=[("own_id", token)])
    assert echo.thread.own is not None
    assert echo.thread.own.digest == digest(paper.id_of(token))
    paper.route(echo, mail("two", answers=paper.id_of(token)))
    assert paper.ticket("two") is paper.ticket("one")
    assert (paper.placed("two").decision.rule, paper.placed("two").decision.evidence[0].relation) == (
        Rule.IDS,
        Relation.KNOWN,
    )


def test_a_token_in_the_text_needs_a_proof_of_the_sender() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    paper.route(mail("two", subject="", tokens=[("body", token)]))
    paper.route(mail("three", subject="", tokens=[("body", token)], verdict="pass"))
    assert paper.threads() == {"one": ["one", "three"], "two": ["two"]}
    assert paper.placed("three").decision.rule is Rule.BODY_TOKEN


def test_a_strangers_text_with_a_token_is_a_request_of_its_own() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    paper.route(mail("two", "eve@e.example", tokens=[("body", paper.say("one"))], verdict="pass"))
    assert paper.threads() == {"one": ["one"], "two": ["two"]}


def test_a_held_answer_by_token_follows_when_its_original_comes_only_if_the_gates_accept() -> None:
    paper = PaperRouter(HOLDING)
    paper.route(mail("bobs", "bob@b.example"))
    paper.route(mail("two", "eve@e.example", answers="root", tokens=[("to", paper.say("bobs"))]))
    assert paper.hold("two") is HoldReason.STRANGER
    paper.route(mail("root", "eve@e.example"))
    assert paper.ticket("two") is paper.ticket("root")


def test_a_reply_address_of_ours_takes_part_in_nothing() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    token = paper.say("one")
    paper.route(mail("two", answers="one", cc=[f"support+r{token}@elsewhere.example"]))
    assert list(paper.ticket("one").members.values()) == ["ana@a.example"]
