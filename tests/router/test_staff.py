"""Staff: an agent's mail is never a customer's, and speaks for us only when it is proven."""

import json
from dataclasses import replace
from typing import Any

import pytest
from paper_router import PaperRouter
from routing_lab import HOLDING, OWN_ADDRESS, mail

from router.policy import AccountPolicy, Policies, SenderMatch, Staff
from schemas.message import InboundMessage
from schemas.placement import Author, HoldReason, Outcome, Rule, Visibility

RUI = "rui@work.example"
STAFF = Policies(
    own_addresses=HOLDING.own_addresses,
    staff=Staff(addresses=frozenset({RUI}), domains=frozenset({"desk.example"})),
    senders={"support": OWN_ADDRESS},
    default=AccountPolicy(sender_match=SenderMatch.ANY),
)


def agents(name: str, token: str, *, place: str = "to", **more: Any) -> InboundMessage:
    choices: dict[str, Any] = {"verdict": "pass", "prefix": "reply", **more}
    return mail(name, RUI, tokens=[(place, token)] if token else [], **choices)


@pytest.mark.parametrize("place", ["to", "cc", "in_reply_to", "references"])
def test_an_agents_answer_stands_on_the_ticket_and_goes_to_the_customer(place: str) -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one"), place=place))
    placed = paper.placed("two")
    assert placed.ticket is paper.ticket("one")
    assert (placed.decision.rule, placed.author, placed.visibility) == (Rule.STAFF, Author.AGENT, Visibility.PUBLIC)
    sent = paper.placer.sendings.messages[0]
    assert (sent.direction, sent.author, sent.body_text, sent.sender_address) == (
        "out",
        "agent",
        "text of two",
        OWN_ADDRESS,
    )
    assert addresses(paper) == ["ana@a.example"]
    assert paper.ticket("one").message_count == 3


def addresses(paper: PaperRouter) -> list[str]:
    return [recipient["address"] for send in paper.placer.sendings.sends for recipient in json.loads(send.recipients)]


def test_whoever_has_the_agents_mail_already_gets_no_second_one() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one", cc=["bob@b.example"]))
    paper.route(agents("two", paper.say("one"), to=[OWN_ADDRESS, "Ana@A.example"]))
    assert addresses(paper) == ["bob@b.example"]
    paper.route(agents("three", paper.say("one"), to=["ana@a.example"], cc=["bob@b.example"]))
    assert len(paper.placer.sendings.messages) == 1


def test_the_customer_can_answer_what_the_agent_wrote() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one")), mail("three", answers="two"))
    assert paper.threads() == {"one": ["one", "two", "three"]}
    assert paper.placed("three").visibility is Visibility.PUBLIC


@pytest.mark.parametrize("verdict", ["none", "fail", "temperror"])
def test_an_agents_name_without_a_proof_speaks_for_nobody(verdict: str) -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one"), verdict=verdict))
    assert paper.hold("two") is HoldReason.STAFF
    assert paper.placer.sendings.messages == []


@pytest.mark.parametrize("sender", [RUI, "anybody@desk.example", OWN_ADDRESS])
def test_everything_else_from_staff_is_held(sender: str) -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"), mail("two", sender, verdict="pass"), mail("three", sender, answers="one", verdict="pass"))
    assert paper.held() == {"two": "staff", "three": "staff"}


@pytest.mark.parametrize("place", ["recipient", "delivered_to"])
def test_an_agents_mail_in_somebody_elses_envelope_is_no_answer(place: str) -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one"), place=place))
    assert paper.hold("two") is HoldReason.STAFF
    assert paper.placer.sendings.messages == []


def test_a_token_in_a_text_makes_nobody_an_agent() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one"), place="body"))
    assert paper.hold("two") is HoldReason.STAFF


def test_an_agents_machine_answers_nobody() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one"), automatic="auto_reply"))
    assert paper.hold("two") is HoldReason.AUTOMATIC


def test_a_forward_opens_a_ticket_and_its_inner_sender_is_only_suggested() -> None:
    paper = PaperRouter(STAFF)
    paper.route(agents("two", "", prefix="forward", forwarded={"address": "ana@a.example"}))
    placed = paper.placed("two")
    assert (placed.decision.outcome, placed.decision.rule, placed.author) == (
        Outcome.OPENED,
        Rule.STAFF,
        Author.AGENT,
    )
    assert placed.decision.requester == "ana@a.example"
    assert paper.ticket("two").requester_party.address == RUI
    assert "ana@a.example" not in paper.ticket("two").members.values()


def test_a_forward_is_never_sent_on_even_with_a_token() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one"), prefix="forward"))
    assert paper.threads() == {"one": ["one"], "two": ["two"]}
    assert paper.placer.sendings.messages == []


def test_a_forward_without_a_proof_is_held() -> None:
    paper = PaperRouter(STAFF)
    paper.route(agents("two", "", prefix="forward", verdict="none"))
    assert paper.hold("two") is HoldReason.STAFF


def test_an_answer_to_an_internal_message_goes_to_nobody() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one", to=[RUI], visibility=Visibility.INTERNAL)))
    assert paper.placed("two").visibility is Visibility.INTERNAL
    assert paper.placer.sendings.messages == []


def test_whom_an_agent_names_takes_part() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one"), cc=["bob@b.example"]), mail("three", "bob@b.example", answers="two"))
    assert paper.ticket("three") is paper.ticket("one")


def test_an_answer_on_a_ticket_that_staff_opened_goes_to_no_staff() -> None:
    paper = PaperRouter(STAFF)
    paper.route(agents("two", "", prefix="forward"))
    paper.route(agents("three", paper.say("two", to=[RUI])))
    assert paper.ticket("three") is paper.ticket("two")
    assert paper.placer.sendings.messages == []


def test_an_answer_goes_out_from_the_address_of_the_tickets_account() -> None:
    paper = PaperRouter(replace(STAFF, senders={"support": OWN_ADDRESS, "sales": "sales@desk.example"}))
    paper.route(mail("one", account="sales"))
    paper.route(agents("two", paper.say("one")))
    assert paper.placer.sendings.messages[0].sender_address == "sales@desk.example"


def test_what_comes_from_an_archive_is_not_sent_again() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    two = agents("two", paper.say("one"))
    paper.route(two.model_copy(update={"envelope": two.envelope.model_copy(update={"intake": "import"})}))
    assert paper.placed("two").ticket is paper.ticket("one")
    assert paper.placer.sendings.messages == []


def test_an_account_that_takes_any_domain_writes_from_the_address_that_was_written_to() -> None:
    paper = PaperRouter(replace(STAFF, senders={}))
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one")))
    assert paper.placer.sendings.messages[0].sender_address == OWN_ADDRESS


def test_an_agent_whom_a_customer_names_takes_no_part() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one", cc=[RUI]), mail("two", RUI, answers="one", verdict="pass"))
    assert paper.hold("two") is HoldReason.STAFF
    assert RUI not in paper.ticket("one").members.values()


def test_staff_answers_on_no_ticket_of_another_scope() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one"), scope="sales", account="sales"))
    assert paper.hold("two") is HoldReason.STAFF


def test_an_agents_answer_opens_no_closed_ticket() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    token = paper.say("one")
    ticket = paper.close("one")
    paper.route(agents("two", token))
    assert paper.placed("two").ticket is ticket
    assert ticket.closed_at is not None


def test_the_agents_display_name_goes_out_with_the_accounts_address() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    two = agents("two", paper.say("one"))
    paper.route(two.model_copy(update={"sender": two.sender.model_copy(update={"name": "Rui Alves"})}))
    sent = paper.placer.sendings.messages[0]
    assert (sent.sender_name, sent.sender_address) == ("Rui Alves", OWN_ADDRESS)


def test_who_alone_has_not_got_the_agents_mail_stands_in_to() -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one", cc=["bob@b.example"]))
    paper.route(agents("two", paper.say("one"), to=[OWN_ADDRESS, "ana@a.example"]))
    details = json.loads(paper.placer.sendings.messages[0].details)
    assert [party["address"] for party in details["to"]] == ["bob@b.example"]
    assert "cc" not in details


@pytest.mark.parametrize("place", ["in_reply_to", "references"])
def test_what_an_agent_writes_to_somebody_else_by_an_old_mail_is_not_sent_to_its_customer(place: str) -> None:
    paper = PaperRouter(STAFF)
    paper.route(mail("one"))
    paper.route(agents("two", paper.say("one"), place=place, to=["supplier@s.example"], cc=[OWN_ADDRESS]))
    assert paper.hold("two") is HoldReason.STAFF
    assert paper.placer.sendings.messages == []
    assert "supplier@s.example" not in paper.ticket("one").members.values()
