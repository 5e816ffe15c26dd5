"""Reply tokens that were cut, altered, replayed, of a retired key, of another installation, or of before a restore."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from forgery import Victim, victim
from scenario_theatre import Theatre

from router.tokens import Signer, SigningKey
from schemas.tokens import LETTERS, message_id_with, reply_address_with, token_in_address
from ticket_store.instance import read_or_create
from ticket_store.signing_keys import read_keys

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
DESK = "support@desk.example"


def token_of(case: Victim) -> str:
    return token_in_address(case.reply_address())


def send_all(case: Victim, tokens: list[str]) -> list[str]:
    """Ana, whom the ticket would take, uses these tokens in a new mail each: only the token speaks for the ticket."""
    names = [f"with-{number}" for number in range(len(tokens))]
    mails = [
        {
            "mail": name,
            "from": "ana",
            "to": reply_address_with(token, DESK) if number % 2 else DESK,
            "subject": f"Matter {number}",
            "delivered to": DESK,
            "headers": {} if number % 2 else {"In-Reply-To": f"<{message_id_with(token, 'desk.example')}>"},
        }
        for number, (name, token) in enumerate(zip(names, tokens, strict=True))
    ]
    case.do(together=mails)
    return names


def check_none_joined(case: Victim, tokens: list[str]) -> None:
    victims = case.message("first")["ticket_id"]
    found = [case.message(name) for name in send_all(case, tokens)]
    assert [row["subject"] for row in found if row["ticket_id"] == victims] == []
    case.check_untouched()


def test_a_token_with_one_letter_altered_is_none_at_every_place(theatre: Theatre) -> None:
    case = victim(theatre)
    true = token_of(case)
    altered = [
        true[:place] + ALPHABET[(ALPHABET.index(true[place]) + step) % 32] + true[place + 1 :]
        for place in range(LETTERS)
        for step in (1, 16)
    ]
    check_none_joined(case, altered)


def test_a_token_that_was_cut_or_grew_is_none(theatre: Theatre) -> None:
    case = victim(theatre)
    true = token_of(case)
    check_none_joined(case, [*(true[:length] for length in range(1, LETTERS)), true[1:], true + "a", true + true])


def test_the_true_token_joins_in_either_case(theatre: Theatre) -> None:
    case = victim(theatre)
    case.do(mail="upper", from_="ana", to=reply_address_with(token_of(case).upper(), DESK), subject="Re: Printer")
    assert case.message("upper")["ticket_id"] == case.message("first")["ticket_id"]


def test_a_token_that_another_sender_replays_is_held(theatre: Theatre) -> None:
    case = victim(theatre)
    found = case.attack(to=case.reply_address(), subject="Re: Printer", verdict="pass")
    assert (found["held"], found["decision"]["rejected"][0]["gate"]) == ("stranger", "participant")
    case.check_untouched()


def test_a_token_of_a_retired_key_is_none_and_says_so(theatre: Theatre) -> None:
    case = victim(theatre)
    case.do(retire_keys=None)
    case.do(mail="late", from_="ana", to=case.reply_address(), subject="Matter")
    late = case.message("late")
    assert late["ticket_id"] != case.message("first")["ticket_id"]
    assert {(r["gate"], r["reason"]) for r in late["decision"]["rejected"]} == {("token", "its key was retired")}
    case.check_untouched()


def signed_elsewhere(theatre: Theatre, case: Victim, kind: str) -> str:
    """Make a token that names Ana's ticket and is not one that we gave her."""

    async def ours() -> tuple[UUID, list[SigningKey]]:
        async with theatre.lab.pool.connection() as connection:
            instance = await read_or_create(connection)
            keys = [SigningKey(id=k.id, secret=k.secret, retired=k.retired) for k in await read_keys(connection)]
        return instance.instance_id, keys

    instance, keys = theatre.run(ours())
    opened_at = case.stage.office.now
    if kind == "another installation with our keys":
        instance = uuid4()
    elif kind == "our installation with other keys":
        keys = [SigningKey(id=key.id, secret=bytes(32), retired=key.retired) for key in keys]
    elif kind == "a key that nobody has":
        keys = [SigningKey(id=200, secret=bytes(32))]
    else:
        opened_at -= timedelta(days=40)
    signer = Signer(instance_id=instance, keys=keys)
    return signer.issue(ticket_id=case.message("first")["ticket_id"], message_id=1 << 38, opened_at=opened_at)


@pytest.mark.parametrize(
    "kind",
    [
        "another installation with our keys",
        "our installation with other keys",
        "a key that nobody has",
        "of before a restore, that gave the ticket's id to another one",
    ],
)
def test_a_token_that_was_not_made_for_this_ticket_is_none(theatre: Theatre, kind: str) -> None:
    case = victim(theatre)
    check_none_joined(case, [signed_elsewhere(theatre, case, kind)] * 2)
