"""Rule 6: the number of a ticket in the subject, for participants whom somebody vouches for."""

import pytest
from paper_router import PaperRouter
from routing_lab import HOLDING, mail

from router.policy import AccountPolicy, Policies, SenderMatch
from schemas.message import InboundMessage
from schemas.numbers import check_digit, shown, subject_tag
from schemas.placement import Gate, HoldReason, Rule


def policies(match: SenderMatch) -> Policies:
    return Policies(own_addresses=HOLDING.own_addresses, default=AccountPolicy(sender_match=match))


def tagged(
    paper: PaperRouter, name: str, of: str, sender: str = "ana@a.example", verdict: str = "pass"
) -> InboundMessage:
    """Write about a ticket, with its number in another subject's place and nothing else to go by."""
    number = paper.ticket(of).number
    found = mail(name, sender, prefix="reply", subject="", verdict=verdict)
    return found.model_copy(update={"subject": f"Re: {subject_tag(number)} whatever"})


def test_a_proven_participant_joins_by_the_number() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    paper.route(tagged(paper, "two", of="one"))
    assert paper.ticket("two") is paper.ticket("one")
    assert paper.placed("two").decision.rule is Rule.SUBJECT_TAG


def test_somebody_elses_number_is_as_good_as_none() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    paper.route(tagged(paper, "two", of="one", sender="bob@b.example"))
    decision = paper.placed("two").decision
    assert decision.hold is HoldReason.UNMATCHED
    assert decision.rejected[0].gate is Gate.PARTICIPANT


@pytest.mark.parametrize(
    ("match", "verdict", "joins"),
    [
        (SenderMatch.VERIFIED, "none", False),
        (SenderMatch.VERIFIED, "pass", True),
        (SenderMatch.ANY, "none", True),
        (SenderMatch.ANY, "fail", False),
        (SenderMatch.OFF, "pass", False),
    ],
)
def test_what_can_be_guessed_needs_the_proof_that_the_account_demands(
    match: SenderMatch, verdict: str, *, joins: bool
) -> None:
    paper = PaperRouter(policies(match))
    paper.route(mail("one", verdict="pass"))
    paper.route(tagged(paper, "two", of="one", verdict=verdict))
    assert (paper.placed("two").ticket is paper.ticket("one")) is joins


def test_a_number_with_a_wrong_check_digit_is_no_number() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    number = paper.ticket("one").number
    wrong = number[:-1] + next(digit for digit in "0123456789" if digit != check_digit(number[:-1]))
    two = mail("two", prefix="reply", subject="", verdict="pass")
    paper.route(two.model_copy(update={"subject": f"[#{shown(wrong)}]"}))
    assert paper.hold("two") is HoldReason.UNMATCHED


def test_a_forward_with_a_number_opens_a_ticket_that_follows_it() -> None:
    paper = PaperRouter()
    paper.route(mail("one"))
    number = paper.ticket("one").number
    two = mail("two", prefix="forward", verdict="pass")
    paper.route(two.model_copy(update={"subject": f"Fwd: {subject_tag(number)} Printer"}))
    assert paper.placed("two").decision.continues == number


def test_a_known_id_comes_before_a_number() -> None:
    paper = PaperRouter()
    paper.route(mail("one"), mail("other", subject="Scanner"))
    two = mail("two", answers="other", subject="Scanner", verdict="pass")
    paper.route(two.model_copy(update={"subject": f"Re: {subject_tag(paper.ticket('one').number)} Scanner"}))
    assert paper.ticket("two") is paper.ticket("other")
