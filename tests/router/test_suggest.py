"""Suggestions for held messages: the likeliest tickets first, each with what speaks for it."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from routing_lab import HOLDING, START, Lab, mail, open_lab

from router.desk import Desk
from router.keys import Keyring
from router.suggest import SHOWN, Suggester
from schemas.placement import Suggestion
from schemas.suggestion_rows import Clue, ClueKind
from ticket_store.statements import statement
from ticket_store.suggestions import SuggestionStore

ANA, BOB, EVE = "ana@a.example", "bob@b.example", "eve@e.example"


@pytest.fixture
async def lab(database: str) -> AsyncIterator[Lab]:
    async with open_lab(database) as made:
        yield made


async def suggested(lab: Lab, name: str) -> Sequence[Suggestion]:
    rows = await lab.rows("select id from messages where body_text = %s", [f"text of {name}"])
    suggester = Suggester(
        store=SuggestionStore(pool=lab.pool),
        policies=HOLDING,
        keyring=Keyring(store=lab.store, clock=lambda: START + timedelta(days=1)),
    )
    return (await suggester.suggest([rows[0]["id"]]))[rows[0]["id"]]


async def ticket_of(lab: Lab, name: str) -> str:
    query = "select number from tickets join messages on ticket_id = tickets.id where body_text = %s"
    number: str = (await lab.rows(query, [f"text of {name}"]))[0]["number"]
    return number


async def test_what_its_ids_name_comes_before_what_only_its_sender_has_in_common(lab: Lab) -> None:
    await lab.route(mail("anas", ANA), mail("bobs", BOB, subject="Scanner"))
    await lab.route(mail("claim", BOB, answers="anas", minutes=1))
    first, second = await suggested(lab, "claim")
    assert (first.ticket, second.ticket) == (await ticket_of(lab, "anas"), await ticket_of(lab, "bobs"))
    assert "its ids name a message of this ticket" in first.why
    assert "its sender is the requester" in second.why
    assert first.score > second.score


async def test_of_the_senders_tickets_the_one_with_the_same_subject_comes_first(lab: Lab) -> None:
    await lab.route(*(mail(f"t{n}", ANA, subject=f"Matter {n}", minutes=n) for n in range(6)))
    await lab.route(mail("lost", ANA, answers="nobody knows", subject="Matter 2", minutes=60))
    assert (await suggested(lab, "lost"))[0].ticket == await ticket_of(lab, "t2")


async def test_a_number_in_the_text_leads_to_its_ticket(lab: Lab) -> None:
    await lab.route(mail("one", ANA), mail("other", EVE, subject="Other"))
    number = await ticket_of(lab, "one")
    body = f"It is about {number[:3]}-{number[3:6]}-{number[6:]}."
    await lab.route(mail("lost", BOB, answers="unknown", subject="Hello", body=body))
    rows = await lab.rows("select id from messages where body_text = %s", [body])
    suggester = Suggester(
        store=SuggestionStore(pool=lab.pool), policies=HOLDING, keyring=Keyring(store=lab.store, clock=lambda: START)
    )
    found = (await suggester.suggest([rows[0]["id"]]))[rows[0]["id"]]
    assert [one.ticket for one in found] == [number]


async def test_no_ticket_of_another_scope_is_suggested(lab: Lab) -> None:
    await lab.route(mail("there", ANA, account="sales", scope="sales"))
    await lab.route(mail("here", ANA, answers="there"))
    assert await suggested(lab, "here") == ()


async def test_a_closed_tickets_follower_is_suggested_with_it(lab: Lab) -> None:
    await lab.route(mail("old", ANA))
    await lab.run("update tickets set closed_at = %s, status = 'closed'", [START])
    await lab.route(mail("late", ANA, answers="old", minutes=60 * 24 * 60))
    await lab.route(mail("claim", BOB, answers="old", minutes=60 * 24 * 61))
    found = await suggested(lab, "claim")
    assert {one.ticket for one in found} == {await ticket_of(lab, "old"), await ticket_of(lab, "late")}


async def test_a_merged_ticket_is_suggested_as_the_one_on_which_it_goes_on(lab: Lab) -> None:
    await lab.route(mail("one", ANA), mail("two", ANA, subject="Again"))
    await lab.run(
        "update tickets set closed_at = now(), status = 'closed', merged_into_id = (select max(id) from tickets)"
        " where id = (select min(id) from tickets)"
    )
    await lab.route(mail("claim", BOB, answers="one", minutes=1))
    assert [one.ticket for one in await suggested(lab, "claim")] == [await ticket_of(lab, "two")]


async def test_no_more_than_eight_are_suggested(lab: Lab) -> None:
    await lab.route(*(mail(f"t{n}", ANA, subject=f"Matter {n}") for n in range(20)))
    await lab.route(mail("lost", ANA, answers="unknown", subject="Hello"))
    assert len(await suggested(lab, "lost")) == SHOWN


async def test_a_message_that_is_not_held_gets_none(lab: Lab) -> None:
    await lab.route(mail("one", ANA))
    suggester = Suggester(
        store=SuggestionStore(pool=lab.pool), policies=HOLDING, keyring=Keyring(store=lab.store, clock=lambda: START)
    )
    rows = await lab.rows("select id from messages")
    assert await suggester.suggest([rows[0]["id"]]) == {}


async def test_who_begins_to_take_part_has_their_held_messages_looked_at_again(lab: Lab) -> None:
    await lab.route(mail("one", ANA))
    await lab.route(mail("early", BOB, answers="one", minutes=1), mail("eves", EVE, answers="one", minutes=1))
    query = "select body_text from spool join messages on id = message_id where look_again_at is not null"
    assert await lab.rows(query) == []
    await lab.route(mail("with bob", ANA, answers="one", cc=[BOB], minutes=2))
    assert [row["body_text"] for row in await lab.rows(query)] == ["text of early"]


async def test_whom_an_operator_lets_in_has_their_other_held_messages_looked_at_again(lab: Lab) -> None:
    await lab.route(mail("one", ANA))
    await lab.route(mail("first", BOB, answers="one", minutes=1), mail("second", BOB, answers="one", minutes=2))
    desk = Desk(store=lab.store, policies=HOLDING, source="/switchboard/lab", clock=lambda: START)
    first = (await lab.rows("select id from messages where body_text = 'text of first'"))[0]["id"]
    await desk.link(first, await ticket_of(lab, "one"))
    query = "select body_text from spool join messages on id = message_id where look_again_at is not null"
    assert [row["body_text"] for row in await lab.rows(query)] == ["text of second"]


def scans(plan: dict[str, Any]) -> set[str]:
    found = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return found.union(*(scans(inner) for inner in plan.get("Plans", ())))


async def test_following_clues_scans_no_table(lab: Lab) -> None:
    clues = [Clue(n, kind, 0, "support", b"x" * 32, "x", n) for n, kind in enumerate(ClueKind)]
    columns = zip(*clues, strict=True)
    names = ("held_ids", "kinds", "places", "scopes", "keys", "texts", "numbers")
    parameters = {name: list(column) for name, column in zip(names, columns, strict=True)}
    async with lab.pool.connection() as connection, connection.transaction():
        await connection.execute(statement("routing", "settings"))
        query = "explain (format json) " + statement("suggestions", "proposed_tickets")
        row = await (await connection.execute(query, parameters)).fetchone()
    assert row is not None
    assert scans(row[0][0]["Plan"]) == set()
