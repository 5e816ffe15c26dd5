"""Held messages that later evidence places by the rules leave the spool by themselves; the others stay."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from answering_lab import number_of
from legacy_lab import ANA, BOB, OTRS, about, policies
from routing_lab import START, Lab, mail, open_lab

from router.desk import Desk
from router.policy import Policies
from router.second_look import SecondLook

FORWARDING = policies(replace(OTRS, forward_to="in@otrs.example"))


@pytest.fixture
async def lab(database: str) -> AsyncIterator[Lab]:
    async with open_lab(database) as made:
        yield made


def second_look(lab: Lab, chosen: Policies) -> SecondLook:
    return SecondLook(store=lab.store, policies=chosen, source="/switchboard/lab", clock=lambda: START)


def desk_of(lab: Lab, chosen: Policies) -> Desk:
    return Desk(store=lab.store, policies=chosen, source="/switchboard/lab", clock=lambda: START)


async def message_id(lab: Lab, name: str) -> int:
    found: int = (await lab.rows("select id from messages where body_text = %s", [f"text of {name}"]))[0]["id"]
    return found


async def test_what_waited_for_a_choice_follows_it_and_says_so(lab: Lab) -> None:
    await lab.route(about("one"), about("two", minutes=1), about("bob", BOB, minutes=2), policies=policies())
    await desk_of(lab, policies()).open(await message_id(lab, "one"))
    look = second_look(lab, policies())
    assert await look.round() == 2
    assert await look.round() == 0
    assert await lab.threads() == {"one": ["one", "two"]}
    assert await lab.held() == {"bob": "legacy"}
    decision = await lab.decision("two")
    assert (decision["rule"], decision["explanation"][:9]) == ("legacy", "Released:")
    assert await lab.events() == ["ticket.created", "ticket.message_added"]


async def test_who_let_the_rules_decide_anew_is_kept_with_the_message(lab: Lab) -> None:
    await lab.route(about("one"), about("two", minutes=1), policies=policies())
    await desk_of(lab, policies()).open(await message_id(lab, "one"))
    assert await second_look(lab, policies()).look(await message_id(lab, "two"), by="Rita")
    assert (await lab.decision("two"))["explanation"].startswith("Released by Rita: ")


async def test_what_waited_for_a_choice_is_sent_on_with_it(lab: Lab) -> None:
    await lab.route(about("one"), about("two", minutes=1), policies=FORWARDING)
    await desk_of(lab, FORWARDING).forward(await message_id(lab, "one"))
    assert await second_look(lab, FORWARDING).round() == 1
    assert len(await lab.rows("select * from sends")) == 2
    assert await lab.held() == {}


async def test_answers_of_a_released_message_go_with_it(lab: Lab) -> None:
    await lab.route(about("one"), about("two", minutes=1), policies=policies())
    await lab.route(mail("three", ANA, answers="two", minutes=2), policies=policies())
    await desk_of(lab, policies()).open(await message_id(lab, "one"))
    await second_look(lab, policies()).round()
    assert await lab.threads() == {"one": ["one", "two", "three"]}


async def test_what_is_only_new_is_no_reason_to_open_a_ticket(lab: Lab) -> None:
    await lab.route(mail("lost", ANA, answers="away", prefix="none"))
    await lab.run("update spool set look_again_at = now() - interval '100 years'")
    assert await second_look(lab, replace(policies(), legacy=())).round() == 1
    assert await lab.held() == {"lost": "unmatched_reply"}
    assert await lab.rows("select * from spool where look_again_at is not null") == []


async def test_a_message_that_the_store_refuses_stops_no_other(lab: Lab) -> None:
    await lab.route(about("one"), about("two", minutes=1), about("three", minutes=2), policies=policies())
    await desk_of(lab, policies()).open(await message_id(lab, "one"))
    await lab.run("update messages set details = '[]' where body_text = 'text of two'")
    assert await second_look(lab, policies()).round() == 2
    assert await lab.threads() == {"one": ["one", "three"]}
    assert list(await lab.held()) == ["two"]


TIMES_OUT = (
    """create function times_out() returns trigger language plpgsql as $$
       begin raise exception 'too slow' using errcode = '57014'; end $$""",
    """create trigger times_out before update of state on messages for each row
       when (old.body_text = 'text of two' and new.state <> old.state) execute function times_out()""",
)


async def test_what_the_store_cannot_do_now_is_tried_again_later_and_later_and_stops_no_other(lab: Lab) -> None:
    await lab.route(about("one"), about("two", minutes=1), about("three", minutes=2), policies=policies())
    await desk_of(lab, policies()).open(await message_id(lab, "one"))
    for statement in TIMES_OUT:
        await lab.run(statement)
    now = [START]
    look = SecondLook(store=lab.store, policies=policies(), source="/switchboard/lab", clock=lambda: now[0])
    assert await look.round() == 2
    assert await lab.threads() == {"one": ["one", "three"]}
    pauses = []
    for _ in range(3):
        assert await look.round() == 0, "nobody looks before it is time"
        (row,) = await lab.rows("select look_again_at from spool")
        pauses.append((row["look_again_at"] - now[0]).total_seconds())
        now[0] = row["look_again_at"]
        assert await look.round() == 1
    assert pauses == [10, 20, 40]
    await lab.run("drop trigger times_out on messages")
    now[0] += timedelta(hours=1)
    assert await look.round() == 1
    assert await lab.held() == {}


async def test_a_mark_on_what_is_not_held_any_more_is_taken_away(lab: Lab) -> None:
    await lab.route(about("one"), policies=policies())
    await lab.run("update messages set state = 'noted'")
    await lab.run("update spool set look_again_at = now() - interval '100 years'")
    look = second_look(lab, policies())
    assert [await look.round(), await look.round()] == [1, 0]


async def test_what_a_person_has_placed_meanwhile_stays_there(lab: Lab) -> None:
    await lab.route(about("one"), about("two", minutes=1), policies=policies())
    await desk_of(lab, policies()).open(await message_id(lab, "one"))
    two = await message_id(lab, "two")
    await desk_of(lab, policies()).link(two, await number_of(lab, "one"))
    assert await second_look(lab, policies()).look(two) is False
