"""Rule 5: mail about tickets of desks that were used before."""

from dataclasses import replace
from typing import Any

import pytest
from legacy_lab import ANA, BOB, EVE, OTRS, PORTAL, TAG, LegacyPaper, about, minutes_after, opening, policies
from routing_lab import OWN_ADDRESS, mail

from router.decide import decide
from router.legacy_desk import LegacyDesk, NumberPattern
from schemas.message import Automatic, InboundMessage
from schemas.placement import Gate, HoldReason, Outcome, Relation, Rule, Source

DAY = 24 * 60


def test_mail_about_an_old_ticket_is_held_with_its_name_as_evidence() -> None:
    paper = LegacyPaper(policies())
    paper.route(about("one"))
    decision = paper.placed("one").decision
    assert (decision.rule, decision.hold) == (Rule.LEGACY, HoldReason.LEGACY)
    assert [(found.source, found.shown) for found in decision.evidence] == [(Source.LEGACY, "otrs 42")]


def test_once_a_person_has_placed_one_the_next_ones_follow() -> None:
    paper = LegacyPaper(policies())
    paper.route(mail("new", ANA, subject="A new matter", verdict="pass"))
    paper.bind("42", "new")
    paper.route(about("next", minutes=5))
    assert paper.ticket("next") is paper.ticket("new")
    decision = paper.placed("next").decision
    assert (decision.rule, decision.explanation) == (
        Rule.LEGACY,
        f"By the number in the subject it is about otrs 42, which goes on in ticket {paper.ticket('new').number}.",
    )


def test_what_waited_follows_when_it_is_looked_at_again_and_strangers_wait_on() -> None:
    paper = LegacyPaper(policies())
    paper.route(about("one"), about("two", minutes=1), about("eve", EVE, minutes=2))
    paper.route(mail("new", ANA, subject="A new matter", verdict="pass"))
    paper.bind("42", "new")
    policy = paper.policies.of("support")
    again = {name: decide(paper.placed(name).message, paper.view, policy, waiting=True) for name in ("two", "eve")}
    assert (again["two"].outcome, again["two"].ticket) == (Outcome.JOINED, paper.ticket("new"))
    assert (again["eve"].outcome, again["eve"].decision.hold) == (Outcome.HELD, HoldReason.STRANGER)


@pytest.mark.parametrize(
    "more",
    [
        {"subject": "Re: Printer", "answers": "m1"},
        {"subject": "Re: Printer", "references": ["m1", "unknown"]},
        {"subject": "Re: Printer", "answers": "m1", "verdict": "none"},
    ],
)
def test_an_id_of_the_export_names_its_old_ticket_also_without_a_verdict(more: dict[str, Any]) -> None:
    paper = LegacyPaper(policies())
    paper.known("42", ids=("m1",), subject="Printer")
    paper.route(mail("new", ANA, subject="Printer", verdict="pass"))
    paper.bind("42", "new")
    paper.route(about("next", **more))
    assert paper.ticket("next") is paper.ticket("new")
    (found,) = paper.placed("next").decision.evidence
    assert (found.source, found.relation, found.shown) == (Source.LEGACY, Relation.KNOWN, "otrs 42")


def answering(shown: str) -> InboundMessage:
    """A mail that answers an id of the old desk."""
    made = about("one", subject="Re: Printer", answers="x")
    answered = made.thread.in_reply_to[0].model_copy(update={"shown": shown})
    return made.model_copy(update={"thread": made.thread.model_copy(update={"in_reply_to": (answered,)})})


@pytest.mark.parametrize(
    ("shown", "evidence"),
    [("<42.abc@OTRS.example>", "otrs 42"), ("<abc@otrs.example>", "otrs"), ("<42.abc@otrs.example.evil>", None)],
)
def test_an_id_of_the_old_domain_names_the_desk_and_by_a_pattern_the_number(shown: str, evidence: str | None) -> None:
    paper = LegacyPaper(policies())
    paper.route(answering(shown))
    decision = paper.placed("one").decision
    assert [found.shown for found in decision.evidence] == ([evidence] if evidence else [])
    assert decision.hold is (HoldReason.LEGACY if evidence else HoldReason.UNMATCHED)


def test_an_answer_to_the_old_address_is_the_old_desks_and_a_new_request_is_not() -> None:
    paper = LegacyPaper(policies())
    paper.route(
        mail("answer", ANA, to=["help@otrs.example"], answers="gone", subject="Re: x"),
        mail("request", BOB, to=["help@otrs.example"], subject="Hello"),
        mail("early", EVE, to=["help@otrs.example"], subject="Hello", minutes=-1),
        mail("theirs", "help@otrs.example", subject="Your ticket"),
    )
    assert paper.held() == {"answer": "legacy", "early": "legacy", "theirs": "legacy"}
    assert paper.ticket("request").number


def test_an_id_of_our_own_form_is_never_the_old_desks_though_it_has_its_domain() -> None:
    paper = LegacyPaper(policies())
    paper.route(answering(f"<sb.{'a' * 40}@otrs.example>"))
    assert paper.hold("one") is HoldReason.UNMATCHED


def test_what_is_about_our_ticket_is_not_the_old_desks_for_its_address_in_cc() -> None:
    paper = LegacyPaper(policies())
    paper.route(mail("one", ANA, verdict="pass"))
    number = paper.ticket("one").number
    paper.view.numbers[number] = paper.ticket("one").id
    subject = f"Re: [#{number[:3]}-{number[3:6]}-{number[6:]}] Printer"
    paper.route(about("tagged", subject=subject, cc=["help@otrs.example"]))
    paper.route(about("else", answers="one", subject="Another matter", cc=["help@otrs.example"]))
    assert paper.ticket("tagged") is paper.ticket("one")
    assert paper.ticket("else").continues_id == paper.ticket("one").id


def test_the_old_desk_takes_part_in_no_ticket() -> None:
    paper = LegacyPaper(policies())
    paper.route(mail("one", ANA, cc=["help@otrs.example", BOB]))
    assert set(paper.ticket("one").members.values()) == {ANA, BOB}


def test_our_own_ids_go_before_an_old_number() -> None:
    paper = LegacyPaper(policies())
    paper.route(mail("ours", ANA, subject="Printer"))
    paper.route(about("answer", answers="ours"))
    assert paper.ticket("answer") is paper.ticket("ours")


def test_an_old_number_with_our_check_digit_is_the_old_desks() -> None:
    desk = replace(OTRS, subject_patterns=(NumberPattern(r"#(?P<number>[\d-]{10,12})"),))
    paper = LegacyPaper(policies(desk))
    paper.route(mail("ours", ANA, subject="Ours", verdict="pass"))
    number = paper.ticket("ours").number
    paper.route(about("theirs", subject=f"Re: [#{number[:3]}-{number[3:6]}-{number[6:]}] Printer"))
    assert paper.hold("theirs") is HoldReason.LEGACY


def test_the_same_number_of_two_desks_is_two_old_tickets() -> None:
    rt = LegacyDesk(
        name="rt", cutover_at=OTRS.cutover_at, subject_patterns=(NumberPattern(r"\[rt #(?P<number>\d+)\]"),)
    )
    paper = LegacyPaper(policies(OTRS, rt))
    paper.route(mail("new", ANA, subject="Printer", verdict="pass"))
    paper.bind("42", "new")
    paper.route(about("other", subject="Re: [rt #42] Printer"))
    assert paper.hold("other") is HoldReason.LEGACY


def test_mail_of_accounts_that_a_desk_does_not_serve_is_not_its() -> None:
    paper = LegacyPaper(policies(replace(OTRS, accounts=frozenset({"sales"}))))
    paper.route(about("one"), about("two", account="sales", scope="sales"))
    assert paper.held() == {"one": "unmatched_reply", "two": "legacy"}


def test_automatic_mail_joins_by_an_id_of_the_export_alone() -> None:
    paper = LegacyPaper(policies())
    paper.known("42", ids=("m1",), subject="Printer")
    paper.route(mail("new", ANA, subject="Printer", verdict="pass"))
    paper.bind("42", "new")
    paper.route(
        about("away", automatic=Automatic.AUTO_REPLY),
        about("exact", answers="m1", automatic=Automatic.AUTO_REPLY),
        about("bounce", answers="m1", automatic=Automatic.BOUNCE),
    )
    assert paper.held() == {"away": "auto_reply", "bounce": "bounce"}
    assert paper.ticket("exact") is paper.ticket("new")


def test_an_old_ticket_that_goes_on_in_a_long_closed_one_opens_one_that_follows_and_stays_there() -> None:
    paper = LegacyPaper(policies())
    paper.route(mail("new", ANA, subject="Printer", verdict="pass"))
    paper.bind("42", "new")
    paper.close("new")
    paper.route(about("late", minutes=60 * DAY), about("later", minutes=61 * DAY))
    assert paper.ticket("late").continues_id == paper.ticket("new").id
    assert paper.ticket("later") is paper.ticket("late")


def test_a_forwarded_old_mail_is_a_matter_of_its_own() -> None:
    paper = LegacyPaper(opening())
    paper.route(about("fwd", prefix="forward", subject=f"Fwd: {TAG} Printer"))
    assert paper.placed("fwd").decision.outcome is Outcome.OPENED
    assert paper.bound() == {}


def test_before_the_cut_over_the_old_desk_is_in_charge() -> None:
    able = replace(OTRS, forward_to="in@otrs.example")
    paper = LegacyPaper(policies(able))
    paper.route(about("before", minutes=-1), about("after", minutes=0))
    assert "in@otrs.example" in paper.sent_on()["before"]
    assert paper.placed("before").state == "noted"
    assert paper.held() == {"after": "legacy"}
    unable = LegacyPaper(policies())
    unable.route(about("before", minutes=-1))
    assert unable.held() == {"before": "legacy"}


def test_in_the_parallel_run_the_portal_goes_on_and_after_it_mail_is_held() -> None:
    paper = LegacyPaper(policies(PORTAL))
    assert PORTAL.parallel_until is not None
    end = minutes_after(PORTAL.parallel_until)
    paper.route(
        about("last", subject="Re: #4711 Макет", minutes=end - 1),
        about("first", subject="Re: #4711 Макет", minutes=end),
    )
    assert set(paper.sent_on()) == {"last"}
    assert paper.held() == {"first": "legacy"}


def from_archive(message: InboundMessage) -> InboundMessage:
    return message.model_copy(update={"envelope": message.envelope.model_copy(update={"intake": "import"})})


def test_what_a_machine_or_an_impostor_wrote_is_not_sent_on() -> None:
    paper = LegacyPaper(policies(PORTAL))
    when: dict[str, Any] = {"subject": "Re: #4711 x", "minutes": minutes_after(PORTAL.cutover_at)}
    paper.route(
        about("list", automatic=Automatic.BULK, **when),
        about("fake", verdict="fail", **when),
        about("loop", "in@portal.example", **when),
        from_archive(about("old", **when)),
    )
    assert paper.sent_on() == {}
    assert paper.held() == dict.fromkeys(("list", "fake", "loop", "old"), "legacy")


def test_a_choice_to_forward_goes_before_the_policy() -> None:
    paper = LegacyPaper(policies(replace(OTRS, forward_to="in@otrs.example")))
    paper.choose("42", None)
    paper.route(about("one"), about("two", subject="Re: [Ticket#43] x"))
    assert set(paper.sent_on()) == {"one"}
    assert paper.held() == {"two": "legacy"}


def test_by_policy_a_new_ticket_continues_the_old_one_and_the_next_ones_follow() -> None:
    paper = LegacyPaper(opening())
    paper.route(about("one"), about("two", minutes=5, subject=f"AW: {TAG} Something else"))
    assert paper.threads() == {"one": ["one", "two"]}
    assert paper.bound() == {"42": "policy"}
    assert [found.shown for found in paper.placed("one").decision.evidence] == ["otrs 42"]


def test_without_a_number_a_new_ticket_is_bound_to_nothing() -> None:
    paper = LegacyPaper(opening())
    paper.route(mail("one", ANA, to=["help@otrs.example", OWN_ADDRESS], answers="gone", subject="Re: x"))
    assert paper.placed("one").decision.outcome is Outcome.OPENED
    assert paper.bound() == {}


def test_a_stranger_to_a_bound_ticket_is_held_and_the_ticket_named() -> None:
    paper = LegacyPaper(opening())
    paper.route(about("one"), about("colleague", BOB, minutes=1))
    decision = paper.placed("colleague").decision
    assert decision.hold is HoldReason.STRANGER
    assert [(no.ticket, no.gate) for no in decision.rejected] == [(paper.ticket("one").number, Gate.PARTICIPANT)]


def test_a_policy_of_the_account_for_replies_does_not_open_what_the_old_desk_holds() -> None:
    paper = LegacyPaper(policies(unmatched="new"))
    paper.route(about("one"))
    assert paper.hold("one") is HoldReason.LEGACY


def test_an_installation_without_old_desks_knows_of_none() -> None:
    paper = LegacyPaper(replace(policies(), legacy=()))
    paper.route(about("one"))
    assert paper.hold("one") is HoldReason.UNMATCHED
