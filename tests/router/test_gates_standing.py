"""Gates about how a ticket stands: merged, spam, internal; strangers who are attached; what moves have taught."""

from itertools import pairwise

import pytest
from paper_router import PaperRouter
from routing_lab import HOLDING, OPENING, OWN_ADDRESS, START, digest, mail

from router.policy import AccountPolicy, Otherwise, Policies, SenderMatch, Strangers
from schemas.placement import SPAM, Gate, HoldReason, Outcome, Visibility, address_key
from schemas.routing_rows import QuotedRow

DAY = 24 * 60
ATTACHING = Policies(
    own_addresses=frozenset({OWN_ADDRESS}),
    default=AccountPolicy(strangers=Strangers.ATTACH, unmatched=Otherwise.NEW),
)


def test_an_answer_to_a_merged_ticket_goes_on_where_that_one_does() -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("other", "bob@b.example", subject="Scanner"))
    paper.merge("one", into="other")
    paper.route(mail("two", answers="one"))
    assert paper.ticket("two") is paper.ticket("other")
    assert f"goes on as {paper.ticket('other').number}" in paper.placed("two").decision.explanation


def test_a_chain_of_merged_tickets_is_followed_to_its_end() -> None:
    paper = PaperRouter()
    names = [f"m{number}" for number in range(6)]
    paper.route(*(mail(name, subject=name) for name in names))
    for one, into in pairwise(names):
        paper.merge(one, into)
    paper.route(mail("answer", answers="m0", subject="m0"))
    assert paper.ticket("answer") is paper.ticket("m5")


@pytest.mark.parametrize("length", [1, 2, 17])
def test_a_ring_or_an_endless_chain_of_merged_tickets_leads_nowhere(length: int) -> None:
    paper = PaperRouter(OPENING)
    names = [f"m{number}" for number in range(length + 1)]
    paper.route(*(mail(name, subject=name) for name in names))
    for one, into in zip(names, [*names[1:], names[0]], strict=True):
        paper.merge(one, into)
    paper.route(mail("answer", answers="m0", subject="m0"))
    assert paper.threads()["answer"] == ["answer"]


def test_whoever_takes_no_part_in_the_ticket_that_goes_on_is_a_stranger_there() -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("other", "bob@b.example"))
    paper.merge("one", into="other")
    paper.ticket("other").members.pop(address_key("mail", "", "ana@a.example"))
    paper.route(mail("two", answers="one"))
    assert paper.hold("two") is HoldReason.STRANGER


def test_what_answers_spam_waits_for_a_person() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    paper.close("one").status = SPAM
    paper.route(mail("two", answers="one", minutes=1), mail("three", answers="one", minutes=100 * DAY))
    assert paper.held() == {"two": "spam", "three": "spam"}
    assert paper.placed("two").decision.rejected[0].gate is Gate.SPAM


def test_an_answer_to_an_internal_message_stays_internal_and_opens_nothing() -> None:
    paper = PaperRouter()
    paper.route(mail("one", cc=["bob@b.example"]))
    token = paper.say("one", visibility=Visibility.INTERNAL)
    ticket = paper.close("one")
    paper.route(mail("two", "bob@b.example", answers=paper.id_of(token), minutes=30 * DAY))
    assert paper.placed("two").ticket is ticket
    assert paper.placed("two").visibility is Visibility.INTERNAL
    assert ticket.closed_at is not None


def test_what_answers_an_internal_answer_stays_internal_too() -> None:
    paper = PaperRouter()
    paper.route(mail("one", cc=["bob@b.example"]))
    token = paper.say("one", visibility=Visibility.INTERNAL)
    paper.route(mail("two", "bob@b.example", tokens=[("recipient", token)]), mail("three", answers="two"))
    paper.route(mail("four", references=["two", "one"]), mail("five", answers="one"))
    seen = {name: paper.placed(name).visibility.value for name in ("two", "three", "four", "five")}
    assert seen == {"two": "internal", "three": "internal", "four": "internal", "five": "public"}


def test_what_an_insider_writes_is_internal_and_brings_nobody_in() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    key = address_key("mail", "", "vendor@v.example")
    paper.ticket("one").members[key] = "vendor@v.example"
    paper.ticket("one").insiders.add(key)
    paper.route(mail("two", "vendor@v.example", answers="one", cc=["eve@e.example"]))
    assert paper.placed("two").visibility is Visibility.INTERNAL
    paper.route(mail("three", "eve@e.example", answers="one"))
    assert paper.hold("three") is HoldReason.STRANGER


def test_a_stranger_is_attached_for_agents_alone_where_the_account_wants_that() -> None:
    paper = PaperRouter(ATTACHING)
    paper.route(mail("one"))
    paper.route(mail("two", "eve@e.example", answers="one", cc=["mallory@m.example"], verdict="pass"))
    placed = paper.placed("two")
    assert (placed.ticket, placed.visibility) == (paper.ticket("one"), Visibility.UNVERIFIED)
    assert list(paper.ticket("one").members.values()) == ["ana@a.example"]
    assert placed.decision.rejected[0].gate is Gate.PARTICIPANT


def test_an_attached_stranger_opens_no_closed_ticket() -> None:
    paper = PaperRouter(ATTACHING)
    paper.route(mail("one"))
    ticket = paper.close("one")
    paper.route(mail("two", "eve@e.example", answers="one", minutes=1))
    assert paper.placed("two").ticket is ticket
    assert ticket.closed_at is not None
    paper.route(mail("three", "eve@e.example", answers="one", minutes=40 * DAY))
    assert paper.hold("three") is HoldReason.STRANGER


@pytest.mark.parametrize(
    "more", [{"verdict": "fail"}, {"prefix": "forward"}, {"subject": "Else"}, {"sender": ""}, {"scope": "sales"}]
)
def test_no_other_gate_is_left_open_for_an_attached_stranger(more: dict[str, str]) -> None:
    paper = PaperRouter(ATTACHING)
    paper.route(mail("one"))
    paper.route(mail("two", **{"sender": "eve@e.example", "answers": "one", **more}))  # type: ignore[arg-type]  # names of arguments
    assert paper.placed("two").ticket is not paper.ticket("one")


def test_what_a_stranger_was_attached_with_draws_nothing_of_others() -> None:
    paper = PaperRouter(ATTACHING)
    paper.route(mail("one"), mail("bobs", "bob@b.example", subject="Bob"))
    paper.route(mail("two", "eve@e.example", answers="one", references=["shared"], verdict="pass"))
    paper.route(mail("three", "bob@b.example", references=["shared"], cc=["eve@e.example"], verdict="pass"))
    paper.route(mail("four", "bob@b.example", answers="two", verdict="pass"))
    assert paper.placed("three").ticket is not paper.ticket("one")
    assert paper.placed("four").ticket is not paper.ticket("one")


def test_a_move_teaches_an_id_to_its_sender_alone() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("news", "shop@s.example", cc=["ana@a.example", "bob@b.example"]), mail("right", subject="Invoice"))
    right = paper.ticket("right")
    key = ("support", paper.placed("news").message.own[1])  # type: ignore[index]  # it has an id
    ana = address_key("mail", "", "ana@a.example")
    paper.view.quoted[key, ana] = QuotedRow(*key, ana, 2, right.id, taught=True)
    paper.view.threads[key] = paper.view.threads[key]._replace(taught=True)
    paper.route(mail("two", answers="news", subject="Invoice"), mail("three", "bob@b.example", answers="news"))
    assert paper.ticket("two") is right
    assert "operator put" in paper.placed("two").decision.explanation
    assert paper.ticket("three") is paper.ticket("news")


def test_a_taught_id_that_nobody_owns_still_needs_a_proof() -> None:
    paper = PaperRouter(Policies(default=AccountPolicy(sender_match=SenderMatch.VERIFIED, unmatched=Otherwise.NEW)))
    paper.route(mail("right"))
    ana = address_key("mail", "", "ana@a.example")
    key = ("support", bytes.fromhex(digest("away")))
    paper.view.quoted[key, ana] = QuotedRow(*key, ana, 1, paper.ticket("right").id, taught=True)
    for name, verdict in (("two", "none"), ("three", "pass")):
        paper.route(mail(name, answers="away", subject="", verdict=verdict))
    assert paper.placed("two").ticket is not paper.ticket("right")
    assert paper.ticket("three") is paper.ticket("right")


def test_holding_is_what_happens_to_strangers_unless_somebody_wants_it_otherwise() -> None:
    assert HOLDING.default.strangers is Strangers.HOLD
    paper = PaperRouter(HOLDING)
    paper.route(mail("one"), mail("two", "eve@e.example", answers="one", verdict="pass"))
    assert paper.placed("two").decision.outcome is Outcome.HELD
    assert paper.ticket("one").created_at == START


def test_a_ticket_of_another_scope_is_named_to_nobody() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"))
    token = paper.say("one")
    paper.route(mail("two", scope="sales", account="sales", tokens=[("recipient", token)]))
    decision = paper.placed("two").decision
    assert (decision.rejected[0].gate, decision.rejected[0].ticket) == (Gate.SCOPE, "")
    assert decision.suggestions == ()


def test_a_strangers_answer_is_held_even_if_it_names_another_scope_first() -> None:
    paper = PaperRouter(OPENING)
    paper.route(mail("one"), mail("sales", scope="sales", account="sales"))
    token = paper.say("sales")
    paper.route(mail("two", "eve@e.example", answers="one", tokens=[("recipient", token)]))
    assert paper.hold("two") is HoldReason.STRANGER


def test_an_answer_to_a_ticket_closed_for_long_does_not_go_back_to_the_one_that_it_follows() -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("passed on", answers="one", prefix="forward"))
    paper.close("passed on", minutes=10)
    paper.route(mail("late", answers="passed on", references=["one"], minutes=30 * DAY))
    assert paper.ticket("late").continues_id == paper.ticket("passed on").id


def test_whoever_takes_no_part_where_a_matter_went_on_is_held_though_the_old_ticket_knows_them() -> None:
    paper = PaperRouter()
    paper.route(mail("one", cc=["bob@b.example"]))
    paper.close("one", minutes=10)
    paper.route(mail("late", answers="one", minutes=30 * DAY))
    paper.route(mail("bob's", "bob@b.example", answers="late", references=["one"], minutes=31 * DAY))
    assert paper.hold("bob's") is HoldReason.STRANGER
    assert paper.placed("bob's").decision.suggestions[0].ticket == paper.ticket("late").number
