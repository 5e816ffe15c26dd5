"""Attacks by old numbers: they can be guessed, and whoever writes one first must not draw its owner's mail."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from legacy_lab import ANA, BOB, EVE, OTRS, LegacyPaper, about, opening, policies
from routing_lab import OWN_ADDRESS, mail

from router.legacy_desk import LegacyPolicy
from router.policy import SenderMatch
from schemas.placement import HoldReason, Outcome, Rule

IMPOSTORS = [(EVE, "pass"), *((name, verdict) for name in (EVE, ANA) for verdict in ("none", "fail", "temperror"))]
"""Eve as herself, and without a proof as Ana."""


def senders(paper: LegacyPaper, name: str) -> set[str]:
    """Give who has written on the ticket of a message."""
    ticket = paper.ticket(name)
    return {p.message.message.sender.address for p in paper.placer.placed.values() if p.ticket is ticket}


@pytest.mark.parametrize(("sender", "verdict"), IMPOSTORS)
def test_guessing_an_old_number_reaches_nobodys_ticket(sender: str, verdict: str) -> None:
    paper = LegacyPaper(policies())
    paper.known("42", requester=ANA)
    paper.route(mail("ana", ANA, subject="Printer", verdict="pass"))
    paper.bind("42", "ana")
    paper.route(about("guess", sender, verdict=verdict, cc=[EVE]))
    by_verdict = HoldReason.SUSPICIOUS if verdict == "fail" else HoldReason.LEGACY
    assert paper.hold("guess") is (HoldReason.STRANGER if sender == EVE else by_verdict)
    assert senders(paper, "ana") == {ANA}
    assert EVE not in paper.ticket("ana").members.values()


def test_a_forged_id_of_the_old_domain_reaches_nobodys_ticket() -> None:
    paper = LegacyPaper(policies())
    paper.route(mail("ana", ANA, subject="Printer", verdict="pass"))
    paper.bind("42", "ana")
    forged = about("forged", EVE, answers="x", subject="Re: Printer", cc=[ANA])
    shown = forged.thread.in_reply_to[0].model_copy(update={"shown": "<42.1@otrs.example>"})
    paper.route(forged.model_copy(update={"thread": forged.thread.model_copy(update={"in_reply_to": (shown,)})}))
    assert paper.hold("forged") is HoldReason.STRANGER


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("as_whom", "verdict"), IMPOSTORS)
def test_who_writes_an_old_number_first_does_not_draw_its_owners_mail(
    named: bool,  # noqa: FBT001 - a parameter of the test, not of an interface
    known: bool,  # noqa: FBT001 - see above
    as_whom: str,
    verdict: str,
) -> None:
    """Eve takes number 42 before Ana does: in her own name or unproven in Ana's, with Ana or herself in Cc."""
    paper = LegacyPaper(opening())
    if known:
        paper.known("42", requester=ANA)
    other = ANA if as_whom == EVE else EVE
    paper.route(about("trap", as_whom, verdict=verdict, cc=[other] if named else []))
    paper.route(about("true", ANA, minutes=5))
    trap, true = paper.placed("trap"), paper.placed("true")
    assert true.ticket is None or true.ticket is not trap.ticket
    if true.ticket is not None:
        assert EVE not in true.ticket.members.values()
    if known:
        assert true.ticket is not None
        assert paper.view.old.rows["otrs", "42"].ticket_id == true.ticket.id


def test_whose_requester_is_known_is_opened_for_nobody_else() -> None:
    paper = LegacyPaper(opening())
    paper.known("42", requester=ANA)
    paper.route(about("one", BOB))
    assert paper.hold("one") is HoldReason.LEGACY


def test_an_unproven_mail_in_the_requesters_name_binds_nothing() -> None:
    paper = LegacyPaper(opening())
    paper.known("42", requester=ANA)
    paper.route(about("unproven", verdict="none", cc=[EVE]))
    assert paper.placed("unproven").decision.outcome is Outcome.OPENED
    assert paper.bound() == {}
    paper.route(about("proven", minutes=5))
    assert paper.ticket("proven") is not paper.ticket("unproven")


def test_where_any_sender_may_match_the_number_is_enough_for_its_own_sender() -> None:
    paper = LegacyPaper(opening(sender_match=SenderMatch.ANY))
    paper.route(
        about("one", verdict="none"), about("two", verdict="none", minutes=1), about("eve", EVE, verdict="none")
    )
    assert paper.threads() == {"one": ["one", "two"]}
    assert paper.hold("eve") is HoldReason.STRANGER


def test_an_account_that_joins_nothing_by_what_can_be_guessed_follows_ids_of_the_export_alone() -> None:
    paper = LegacyPaper(policies(sender_match=SenderMatch.OFF))
    paper.known("42", requester=ANA, ids=("m1",), subject="Printer")
    paper.route(mail("ana", ANA, subject="Printer", verdict="pass"))
    paper.bind("42", "ana")
    paper.route(about("number", minutes=1), about("id", answers="m1", subject="Re: Printer", minutes=2))
    assert paper.hold("number") is HoldReason.LEGACY
    assert paper.ticket("id") is paper.ticket("ana")


def test_being_put_on_a_ticket_by_a_person_is_not_enough_for_a_number_alone() -> None:
    """Ola links Bob's mail to Ana's ticket; what Bob writes about an old number of his own is not for Ana."""
    paper = LegacyPaper(policies())
    paper.route(mail("ana", ANA, subject="Printer", verdict="pass"), about("bob", BOB))
    paper.link("bob", "ana")
    paper.bind("42", "ana")
    paper.route(about("private", BOB, minutes=1), about("open", BOB, cc=[ANA], minutes=2))
    assert paper.hold("private") is HoldReason.STRANGER
    assert paper.ticket("open") is paper.ticket("ana")


def test_an_id_of_the_export_lets_those_follow_whom_a_person_put_there() -> None:
    paper = LegacyPaper(policies())
    paper.known("42", ids=("m1",), subject="Printer")
    paper.route(mail("ana", ANA, subject="Printer", verdict="pass"), about("bob", BOB))
    paper.link("bob", "ana")
    paper.bind("42", "ana")
    paper.route(about("next", BOB, answers="m1", subject="Re: Printer", minutes=1))
    assert paper.ticket("next") is paper.ticket("ana")


def test_an_answer_to_somebody_elses_message_is_not_opened_by_an_old_number() -> None:
    paper = LegacyPaper(opening())
    paper.route(mail("ana", ANA, verdict="pass"), about("eve", EVE, answers="ana"))
    assert paper.placed("eve").state == "held"


def test_an_answer_to_somebody_elses_message_is_not_sent_on_to_the_old_desk() -> None:
    paper = LegacyPaper(policies(replace(OTRS, policy=LegacyPolicy.FORWARD, forward_to="in@otrs.example")))
    paper.route(mail("ana", ANA, verdict="pass"), about("eve", EVE, answers="ana"))
    assert paper.sent_on() == {}
    assert paper.placed("eve").state == "held"


def test_an_old_ticket_of_another_scope_draws_nothing() -> None:
    paper = LegacyPaper(policies())
    paper.route(mail("ana", ANA, subject="Printer", verdict="pass"))
    paper.bind("42", "ana")
    paper.route(about("other", ANA, account="sales", scope="sales"))
    decision = paper.placed("other").decision
    assert (decision.rule, decision.hold) == (Rule.LEGACY, HoldReason.LEGACY)
    assert paper.ticket("ana").number not in decision.model_dump_json()


def test_an_old_ticket_is_not_taken_from_another_scope() -> None:
    paper = LegacyPaper(opening())
    paper.route(about("here"), about("there", account="sales", scope="sales", minutes=1))
    assert paper.ticket("there") is not paper.ticket("here")
    assert paper.view.old.rows["otrs", "42"].ticket_id == paper.ticket("here").id


def test_an_id_of_two_old_tickets_names_neither() -> None:
    paper = LegacyPaper(policies())
    paper.known("42", ids=("m1",))
    paper.known("43", ids=("m1",))
    paper.route(mail("ana", ANA, subject="Printer", verdict="pass"))
    paper.bind("42", "ana")
    paper.route(about("next", answers="m1", subject="Re: Printer"))
    assert [found.shown for found in paper.placed("next").decision.evidence] == ["otrs"]


def test_a_thousand_numbers_in_a_subject_are_looked_at_eight_deep() -> None:
    paper = LegacyPaper(policies(replace(OTRS, policy=LegacyPolicy.OPEN)))
    subject = "Re: " + "".join(f"[Ticket#{number}]" for number in range(60))
    paper.route(about("many", subject=subject, to=[OWN_ADDRESS]))
    assert len(paper.view.old.marks(paper.placed("many").message)) == 8


people = st.sampled_from([ANA, BOB, EVE])
stories = st.lists(
    st.tuples(
        people,
        st.sampled_from(["42", "43"]),
        st.sampled_from(["pass", "none", "fail"]),
        st.lists(people, max_size=2),
        st.sampled_from(["reply", "none", "forward"]),
    ),
    min_size=2,
    max_size=8,
)


@given(story=stories, requester=st.sampled_from([None, ANA]), wanted=st.sampled_from(list(LegacyPolicy)))
def test_whatever_people_write_about_old_tickets_reaches_only_those_whom_it_names(
    story: list[tuple[str, str, str, list[str], str]], requester: str | None, wanted: LegacyPolicy
) -> None:
    """By old numbers alone: a message stands on its sender's own ticket, or names the requester of the one it joins."""
    paper = LegacyPaper(policies(replace(OTRS, policy=wanted, forward_to="in@otrs.example")))
    paper.known("42", requester=requester)
    for place, (sender, number, verdict, cc, prefix) in enumerate(story):
        subject = f"[Ticket#{number}] {'abc'[place % 3] * 9}"
        paper.route(about(f"m{place}", sender, subject=subject, verdict=verdict, cc=cc, prefix=prefix, minutes=place))
    for placed in paper.placer.placed.values():
        inbound = placed.message.message
        if placed.ticket is not None:
            assert placed.message.involves(placed.ticket.requester)
        if placed.decision.outcome is Outcome.JOINED:
            assert inbound.verdict.result == "pass"
        if (
            wanted is LegacyPolicy.OPEN
            and requester
            and inbound.sender.address != requester
            and "#42" in inbound.subject
        ):
            assert placed.decision.outcome is not Outcome.OPENED or placed.decision.continues
