"""Forged senders, guessed numbers and stolen ids: and the victim's ticket stays as it was."""

import time
from typing import Any

import pytest
from dns_records import Zone
from forgery import ANA, victim
from scenario_theatre import Theatre

from connectors.base import Account, Delivery
from connectors.mail.assess import MailAssess
from connectors.mail.assess_settings import AssessSettings
from connectors.mail.normalize import normalize
from schemas.message import Result

VERDICTS = ["none", "fail", "temperror"]

NAMING: dict[str, dict[str, Any]] = {
    "a guessed number": {"subject": "Re: {tag of first} Printer"},
    "her very subject": {"subject": "Printer"},
    "a number in the text": {"subject": "Question", "body": "The attacker's words. {tag of first} {number of first}"},
    "an id of her domain": {"subject": "Re: Printer", "in_reply_to": "<guessed@customer.example>"},
    "no id, all headers": {
        "subject": "Re: {tag of first} Printer",
        "headers": {"Thread-Topic": "Printer", "Thread-Index": "AdWc3nQd", "X-Loop": "support@desk.example"},
    },
}

STOLEN: dict[str, dict[str, Any]] = {
    "the id of her mail": {"answers": "first"},
    "the id of our reply": {"answers": "ours", "loses": ["reply address"]},
    "our id far back": {"subject": "Re: Printer", "references": ["<x@y.example>", "{id of ours}", "<z@y.example>"]},
    "our reply address": {"subject": "Re: Printer", "to": "{reply address of ours}"},
    "our reply address in Cc": {"subject": "Re: Printer", "cc": "{reply address of ours}"},
    "our token in the text": {"subject": "Printer", "body": "The attacker's words. [sb:{token of ours}]"},
    "everything": {"answers": "ours", "cc": "ana", "headers": {"Sender": ANA, "Reply-To": "eve@elsewhere.example"}},
}


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("naming", NAMING)
def test_a_forged_sender_without_an_id_joins_nothing(theatre: Theatre, naming: str, verdict: str) -> None:
    case = victim(theatre)
    found = case.attack(from_="ana", verdict=verdict, **NAMING[naming])
    assert found["ticket_id"] != case.message("first")["ticket_id"]
    case.check_untouched()


@pytest.mark.parametrize("stolen", STOLEN)
def test_a_forged_sender_whose_check_failed_joins_nothing_even_with_a_stolen_id(theatre: Theatre, stolen: str) -> None:
    case = victim(theatre)
    found = case.attack(from_="ana", verdict="fail", **STOLEN[stolen])
    assert found["ticket_id"] != case.message("first")["ticket_id"]
    if stolen != "our token in the text":
        assert found["held"] == "suspicious"
    case.check_untouched()


@pytest.mark.parametrize("verdict", ["none", "pass"])
@pytest.mark.parametrize("stolen", STOLEN)
def test_a_stranger_with_a_stolen_id_is_held(theatre: Theatre, stolen: str, verdict: str) -> None:
    case = victim(theatre)
    found = case.attack(verdict=verdict, **STOLEN[stolen])
    assert found["ticket_id"] != case.message("first")["ticket_id"]
    if stolen != "our token in the text":
        assert found["held"] == "stranger"
    case.check_untouched()


@pytest.mark.parametrize("stolen", ["the id of her mail", "our reply address", "everything"])
def test_a_stranger_who_may_attach_is_seen_by_agents_alone(theatre: Theatre, stolen: str) -> None:
    case = victim(theatre, accounts={"support": {"policy": {"strangers": "attach"}}})
    case.do(close="first")
    found = case.attack(verdict="pass", **STOLEN[stolen])
    assert (found["ticket_id"], found["visibility"]) == (case.message("first")["ticket_id"], "unverified")
    ticket = theatre.run(case.stage.rows.tickets())[found["ticket_id"]]
    assert (ticket["status"], ticket["people"]) == ("closed", [f"{ANA} requester"])
    case.do(reply="last", to_ticket_of="first", everyone=True)
    assert {address for sent in case.stage.office.relay.sent for address in sent.recipients} == {ANA}
    theatre.run(case.stage.truth.check())


def test_whoever_knows_an_id_and_meets_no_check_is_believed_but_gets_nothing(theatre: Theatre) -> None:
    """The one thing that no rule can tell: a domain that proves nothing, and an id that only the two sides know."""
    case = victim(theatre)
    found = case.attack(
        from_="ana",
        answers="ours",
        headers={"Reply-To": "eve@elsewhere.example", "Return-Path": "<eve@elsewhere.example>"},
    )
    assert found["ticket_id"] == case.message("first")["ticket_id"]
    case.do(reply="last", to_ticket_of="first", everyone=True)
    assert {address for sent in case.stage.office.relay.sent for address in sent.recipients} == {ANA}


@pytest.mark.parametrize("token", ["{token of ours}", "aebagbafaydqqcikbmga2dqpaebagbafaydqqcik", "not-a-token"])
def test_a_forged_x_loop_hides_nothing_but_its_own_mail(theatre: Theatre, token: str) -> None:
    case = victim(theatre)
    found = case.attack(subject="Printer", headers={"X-Loop": f"sb.{token}"}, verdict="pass")
    assert (found["state"] == "noted") == (token == "{token of ours}")
    case.do(mail="answer", from_="ana", answers="ours")
    assert case.message("answer")["ticket_id"] == case.message("first")["ticket_id"]
    case.check_untouched(also=("answer",))


FORGED = [
    "Authentication-Results: desk.example; dmarc=pass header.from=customer.example",
    "Authentication-Results: desk.example; dkim=pass header.d=customer.example; spf=pass",
    "ARC-Authentication-Results: i=1; desk.example; dmarc=pass header.from=customer.example",
    "Received-SPF: pass (desk.example) client-ip=192.0.2.1; envelope-from=ana@customer.example",
    "X-Original-Authentication-Results: desk.example; dmarc=pass header.from=customer.example",
]


@pytest.mark.parametrize("field", FORGED)
def test_a_forged_word_about_the_sender_is_worth_nothing(theatre: Theatre, field: str) -> None:
    case = victim(theatre)
    settings = AssessSettings(trusted_relays=("198.51.100.7",), trusted_authserv_ids=("desk.example",))
    raw = f"{field}\r\nFrom: {ANA}\r\nTo: support@desk.example\r\nSubject: Re: [#{case.number}] Printer\r\n\r\nx\r\n"
    account = Account(name="support", channel="mail", scope="support")
    delivery = Delivery(
        account=account, raw=raw.encode(), received_at=case.stage.office.now, intake="smtp", peer="192.0.2.1"
    )

    async def verdict() -> Result:
        assess = MailAssess(settings=settings, clock=time.monotonic, resolver=Zone())
        try:
            return (await assess(delivery, normalize(delivery).message)).result
        finally:
            assess.close()

    found = theatre.run(verdict())
    assert found is not Result.PASS
    case.attack(from_="ana", subject="Re: {tag of first} Printer", verdict=found.value)
    case.check_untouched()
