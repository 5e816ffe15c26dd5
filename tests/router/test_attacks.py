"""Attacks on the rules: none of them puts a mail on the ticket of somebody to whom it was not sent."""

from typing import Any

import pytest
from paper_router import PaperRouter
from routing_lab import ANYONE, OPENING, OWN_ADDRESS, mail

from router.incoming import receive
from router.policy import AccountPolicy, Otherwise, Policies
from schemas.placement import Gate, HoldReason, Relation

ANA, BOB, EVE = "ana@a.example", "bob@b.example", "eve@e.example"
PROVEN = Policies(own_addresses=frozenset({OWN_ADDRESS}), default=AccountPolicy(unmatched=Otherwise.NEW))
DAY = 24 * 60


def shared(paper: PaperRouter) -> list[list[str]]:
    """Give the tickets on which Eve and somebody else have written."""
    tickets: dict[int, set[str]] = {}
    for placed in paper.placer.placed.values():
        if placed.ticket is not None:
            tickets.setdefault(placed.ticket.id, set()).add(placed.message.message.sender.address)
    return [sorted(senders) for senders in tickets.values() if EVE in senders and len(senders) > 1]


@pytest.mark.parametrize("baits", [1, 2])
@pytest.mark.parametrize("first", ["bait", "answer"])
def test_quoting_somebodys_id_and_naming_them_draws_none_of_their_mail(baits: int, first: str) -> None:
    paper = PaperRouter(ANYONE)
    bait = [mail(f"bait{n}", EVE, references=["thread"], cc=[ANA], subject="") for n in range(baits)]
    answer = mail("answer", ANA, answers="thread", to=[OWN_ADDRESS, BOB])
    paper.route(*(bait if first == "bait" else ()), answer, *(bait if first == "answer" else ()))
    paper.route(mail("thread", ANA), mail("more", ANA, answers="thread", minutes=1))
    assert shared(paper) == []


def test_a_poisoned_reference_in_a_true_answer_draws_nothing_later() -> None:
    """Eve's mail to Ana quotes the id of another thread of Ana's, so that Ana's answer quotes it, too."""
    paper = PaperRouter(ANYONE)
    paper.route(mail("trap", EVE, cc=[ANA], subject="Hello"))
    paper.route(mail("polite", ANA, answers="trap", references=["secret", "trap"], subject="Hello", cc=[EVE]))
    paper.route(mail("private", ANA, answers="secret", subject="", minutes=1))
    assert paper.ticket("polite") is paper.ticket("trap")
    assert paper.ticket("private") is not paper.ticket("trap")
    rejected = paper.placed("private").decision.rejected[0]
    assert (rejected.gate, rejected.evidence.relation) == (Gate.PARTICIPANT, Relation.QUOTED)


@pytest.mark.parametrize("policies", [ANYONE, OPENING, PROVEN])
def test_an_impostors_ticket_gets_nothing_of_the_true_senders(policies: Policies) -> None:
    """The impostor opens a ticket in Ana's name and names himself, to be sent what comes onto it."""
    paper = PaperRouter(policies)
    paper.route(mail("fake", ANA, cc=[EVE], references=["secret"], verdict="fail"))
    paper.route(mail("true", ANA, verdict="pass"), mail("answer", ANA, answers="secret", verdict="pass"))
    assert paper.ticket("fake").message_count == 1
    assert EVE not in paper.ticket("fake").members.values()


def test_where_senders_are_proven_an_unproven_ticket_is_not_its_claimed_senders() -> None:
    paper = PaperRouter(PROVEN)
    paper.route(mail("fake", ANA, cc=[EVE], references=["secret"]))
    paper.route(mail("true", ANA, verdict="pass"), mail("answer", ANA, answers="secret", subject="", verdict="pass"))
    assert paper.ticket("fake").message_count == 1


def test_a_forger_whose_check_fails_spoils_no_id() -> None:
    paper = PaperRouter()
    paper.route(mail("one", ANA), mail("one", EVE, verdict="fail", body="forged"), mail("two", ANA, answers="one"))
    assert paper.threads() == {"one": ["one", "two"], "forged": ["forged"]}


@pytest.mark.parametrize("same", [True, False])
def test_a_forger_whose_check_fails_gives_way_to_the_true_message(*, same: bool) -> None:
    """With Ana's From, Date and Message-ID the true mail would be a copy of the forged one, and nobody would see it."""
    paper = PaperRouter()
    paper.route(mail("one", ANA if same else EVE, verdict="fail", body="forged"), mail("one", ANA))
    paper.route(mail("two", ANA, answers="one"))
    assert paper.threads() == {"forged": ["forged"], "one": ["one", "two"]}
    assert paper.placer.doubles == []


@pytest.mark.parametrize("order", ["forged first", "true first"])
def test_an_equal_message_id_gives_the_forger_nothing(order: str) -> None:
    paper = PaperRouter(ANYONE)
    true, forged = mail("one", ANA, cc=[BOB]), mail("one", EVE, cc=[ANA, BOB], body="forged")
    paper.route(*((forged, true) if order == "forged first" else (true, forged)))
    paper.route(mail("two", ANA, answers="one", minutes=1), mail("three", BOB, answers="one", minutes=2))
    assert shared(paper) == []


@pytest.mark.parametrize("sender", ["root", "@a.example", "ana@", " "])
def test_an_address_that_many_may_have_is_nobodys(sender: str) -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one", sender, cc=[sender, "postmaster"]), mail("two", sender))
    paper.route(mail("three", sender, answers="one"))
    assert paper.threads() == {"one": ["one"], "two": ["two"]}
    assert paper.hold("three") is HoldReason.STRANGER


def test_answers_of_nobody_to_something_held_are_not_taken_for_the_same_senders() -> None:
    paper = PaperRouter()
    paper.route(mail("one", "root", answers="away"), mail("two", "root", answers="one"))
    assert paper.held() == {"one": "unmatched_reply", "two": "unmatched_reply"}


@pytest.mark.parametrize(
    "sender", ["ana+x@a.example", "ana@a.example.e.example", "ana@xn--a-example", "an.a@a.example", "ana@a.example."]
)
def test_an_address_that_only_looks_alike_is_a_stranger(sender: str) -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one", ANA), mail("two", sender, answers="one"), mail("three", sender))
    assert paper.hold("two") is HoldReason.STRANGER
    assert paper.ticket("three") is not paper.ticket("one")


def test_the_case_of_an_address_makes_no_stranger() -> None:
    paper = PaperRouter()
    paper.route(mail("one", "Ana@A.Example"), mail("two", ANA, answers="one"))
    assert paper.threads() == {"one": ["one", "two"]}


def test_a_display_name_counts_for_nothing() -> None:
    paper = PaperRouter(ANYONE)
    forged = mail("two", EVE, answers="one")
    paper.route(mail("one", ANA), forged.model_copy(update={"sender": forged.sender.model_copy(update={"name": ANA})}))
    assert paper.hold("two") is HoldReason.STRANGER


def test_who_was_named_cannot_name_others_nor_take_the_ticket_over() -> None:
    paper = PaperRouter(ANYONE)
    paper.route(mail("one", ANA, cc=[BOB]), mail("two", BOB, answers="one", cc=[EVE]))
    paper.route(mail("three", EVE, answers="two"), mail("four", EVE, answers="one", references=["two"]))
    assert set(paper.held()) == {"three", "four"}
    assert paper.ticket("one").requester_party.address == ANA


def test_who_was_named_by_a_flood_is_a_stranger_beyond_the_limit() -> None:
    paper = PaperRouter()
    crowd = [f"c{n}@crowd.example" for n in range(900)]
    paper.route(mail("one", ANA, cc=crowd))
    paper.route(mail("early", crowd[0], answers="one"), mail("late", crowd[-1], answers="one"))
    assert len(paper.ticket("one").members) == 100
    assert paper.held() == {"late": "stranger"}


def test_only_the_nearest_tickets_are_looked_at_however_many_a_mail_names() -> None:
    paper = PaperRouter(OPENING)
    names = [f"m{n}" for n in range(60)]
    paper.route(*(mail(name, ANA if name == "m0" else BOB, subject=name) for name in names))
    paper.route(
        mail("wide", ANA, references=names, subject="m0"), mail("near", ANA, references=names[:8], subject="m0")
    )
    assert paper.hold("wide") is HoldReason.STRANGER
    assert len(paper.placed("wide").decision.rejected) == 8
    assert paper.ticket("near") is paper.ticket("m0")


def test_many_ids_of_one_ticket_are_one_candidate() -> None:
    paper = PaperRouter()
    paper.route(mail("m0", BOB), *(mail(f"m{n}", BOB, answers="m0") for n in range(1, 30)), mail("far", ANA))
    paper.route(mail("two", ANA, references=["far", *(f"m{n}" for n in range(30))]))
    assert paper.ticket("two") is paper.ticket("far")
    assert [rejected.gate for rejected in paper.placed("two").decision.rejected] == [Gate.PARTICIPANT]


def test_ids_in_circles_end() -> None:
    paper = PaperRouter()
    paper.route(mail("a", answers="b"), mail("b", answers="c"), mail("c", answers="a"))
    assert set(paper.held()) == {"a", "b", "c"}
    paper.route(mail("self", answers="self", prefix="none"))
    assert paper.threads() == {"self": ["self"]}


@pytest.mark.parametrize("named", [True, False])
def test_an_original_on_a_strangers_ticket_takes_no_held_answer_along(*, named: bool) -> None:
    """Ana's early answer waits; what Eve sends under that id does not release it, even if it names Ana."""
    answer = mail("answer", ANA, answers="thread", to=[OWN_ADDRESS, BOB], subject="")
    paper = PaperRouter()
    paper.route(answer, mail("thread", EVE, body="forged", cc=[ANA] if named else []))
    assert paper.threads() == {"forged": ["forged"]}
    paper.route(mail("thread", ANA, body="true"))
    assert paper.held() == {"answer": "unmatched_reply"}


def test_who_was_named_and_answers_all_is_released_with_what_follows() -> None:
    paper = PaperRouter()
    paper.route(mail("two", ANA, answers="one", cc=[BOB], minutes=2), mail("three", ANA, answers="two", minutes=3))
    paper.route(mail("one", BOB, cc=[ANA], minutes=1))
    assert paper.threads() == {"one": ["one", "two", "three"]}


def test_a_held_message_releases_nothing_until_it_stands_on_a_ticket() -> None:
    paper = PaperRouter()
    paper.route(mail("one", ANA), mail("claim", EVE, answers="one"), mail("more", EVE, answers="claim"))
    paper.route(mail("ask", BOB, answers="claim"))
    assert set(paper.held()) == {"claim", "more", "ask"}


@pytest.mark.parametrize(
    "more", [{"verdict": "fail"}, {"subject": "Scanner"}, {"prefix": "forward"}, {"sender": EVE}, {"automatic": "loop"}]
)
def test_the_gates_stand_before_a_release_too(more: dict[str, Any]) -> None:
    paper = PaperRouter()
    paper.route(mail("answer", **{"answers": "one", **more}), mail("one", ANA))
    assert paper.threads()["one"] == ["one"]


def test_a_copy_of_a_held_message_is_a_copy_and_releases_with_nothing() -> None:
    paper = PaperRouter()
    paper.route(mail("two", answers="one"), mail("two", answers="one", body="footer"), mail("one", minutes=-1))
    assert paper.threads() == {"one": ["one", "two"]}
    assert [double.kind for double in paper.placer.doubles] == ["copy"]


def test_an_id_that_is_reused_while_its_message_is_held_releases_nothing_later() -> None:
    paper = PaperRouter()
    paper.route(mail("mid", ANA, answers="one"), mail("late", ANA, answers="mid"))
    paper.route(mail("mid", EVE, body="forged"), mail("one", ANA, minutes=-1))
    assert paper.threads() == {"one": ["one", "mid"], "forged": ["forged"]}
    assert paper.held() == {"late": "follows_held"}


def test_a_thousand_ids_and_a_thousand_people_make_few_lookups() -> None:
    wide = mail("one", ANA, references=[f"r{n}" for n in range(100)], cc=[f"c{n}@crowd.example" for n in range(1000)])
    assert len(list(receive(wide, message_id=1, policies=ANYONE).namings())) == 400
    paper = PaperRouter(ANYONE)
    paper.route(wide)
    assert len(paper.placer.quoted) == 100
