"""Messages that are parsed again: replaced in place, with their threads, times and tickets as they were."""

from collections.abc import AsyncIterator

import pytest
from routing_lab import HOLDING, START, Lab, mail, open_lab

from router.second_look import SecondLook
from schemas.message import InboundMessage

ANA, BOB = "ana@a.example", "bob@b.example"


@pytest.fixture
async def lab(database: str) -> AsyncIterator[Lab]:
    async with open_lab(database) as made:
        yield made


def again(message: InboundMessage, text: str, version: int = 2, **changes: object) -> InboundMessage:
    """The same delivery, as a newer normalizer reads it."""
    read = {"text": {"content": text}, "normalizer_version": version, **changes}
    return InboundMessage.model_validate({**message.model_dump(), **read})


async def look(lab: Lab) -> int:
    found = SecondLook(store=lab.store, policies=HOLDING, source="/switchboard/lab", clock=lambda: START)
    return await found.round()


async def duplicates(lab: Lab) -> list[str]:
    return [row["kind"] for row in await lab.rows("select kind from duplicates order by id")]


async def test_a_newer_reading_replaces_text_and_files_and_nothing_else(lab: Lab) -> None:
    one, two = mail("one"), mail("two", answers="one", minutes=5)
    await lab.route(one, two)
    facts = "select id, number, status, message_count, last_message_at, created_at, requester_address from tickets"
    before = await lab.rows(facts)
    decision = await lab.decision("two")
    file = {"name": "a.txt", "size": 3, "blob": {"sha256": "a" * 64, "size": 3}}
    await lab.route(again(two, "mended", files=[file], subject="Other", thread={"subject_base": "other"}))
    assert await lab.rows(facts) == before
    rows = await lab.rows("select * from messages where body_text = 'mended'")
    assert (rows[0]["normalizer_version"], rows[0]["revised_at"], rows[0]["subject"]) == (2, START, "Printer")
    assert rows[0]["decision"] == decision
    assert rows[0]["details"]["files"][0]["name"] == "a.txt"
    assert rows[0]["details"]["thread"]["subject_base"] == "printer"
    assert await lab.events() == ["ticket.created", "ticket.message_added", "ticket.message_revised"]
    assert await duplicates(lab) == ["revision"]
    query = "select count(*) from blob_refs where owner_kind = 'message' and owner_id = %s and sha256 = %s"
    assert (await lab.rows(query, [rows[0]["id"], bytes.fromhex("a" * 64)]))[0]["count"] == 1


async def test_the_event_carries_what_the_message_says_now(lab: Lab) -> None:
    one = mail("one")
    await lab.route(one)
    await lab.route(again(one, "mended"))
    (row,) = await lab.rows("select event from outbox where type = 'ticket.message_revised'")
    event = lab.event(row["event"])
    assert event.data.message is not None
    assert (event.data.message.text, event.data.sequence) == ("mended", 2)


@pytest.mark.parametrize("version", [1, 0])
async def test_the_same_or_an_older_reading_is_a_duplicate_like_any_other(lab: Lab, version: int) -> None:
    one = mail("one", normalizer_version=1)
    await lab.route(one)
    await lab.route(again(one, "other", max(version, 1)))
    assert await lab.threads() == {"one": ["one"]}
    assert await duplicates(lab) == ["duplicate"]


async def test_reading_again_twice_revises_once(lab: Lab) -> None:
    one = mail("one")
    await lab.route(one)
    await lab.route(again(one, "mended"), again(one, "mended"))
    await lab.route(again(one, "mended"))
    assert await lab.events() == ["ticket.created", "ticket.message_revised"]
    assert sorted(await duplicates(lab)) == ["duplicate", "duplicate", "revision"]


async def test_a_newer_reading_in_the_same_batch_as_its_message_is_a_duplicate(lab: Lab) -> None:
    one = mail("one")
    await lab.route(one, again(one, "mended"))
    assert await duplicates(lab) == ["duplicate"]


async def test_what_could_not_be_read_becomes_the_ticket_that_it_is(lab: Lab) -> None:
    one = mail("one", kind="undecodable")
    await lab.route(one)
    assert await lab.held() == {"one": "undecodable"}
    await lab.route(again(one, "hello", kind="message"))
    assert await look(lab) == 1
    assert await lab.threads() == {"hello": ["hello"]}
    assert await lab.held() == {}
    rows = await lab.rows("select decision ->> 'explanation' as why from messages")
    assert rows[0]["why"].startswith("Released: ")


async def test_what_could_not_be_read_joins_the_ticket_that_it_answers(lab: Lab) -> None:
    one, two = mail("one"), mail("two", kind="undecodable")
    await lab.route(one, two)
    readable = mail("two", answers="one")
    read = {**readable.model_dump(), "delivery_key": two.delivery_key, "normalizer_version": 2}
    await lab.route(InboundMessage.model_validate(read))
    await look(lab)
    assert await lab.threads() == {"one": ["one", "two"]}


async def test_what_stays_held_is_held_for_todays_reason(lab: Lab) -> None:
    one = mail("one", BOB, kind="undecodable")
    await lab.route(one)
    readable = mail("one", BOB, answers="unknown")
    read = {**readable.model_dump(), "delivery_key": one.delivery_key, "normalizer_version": 2}
    await lab.route(InboundMessage.model_validate(read))
    await look(lab)
    assert await lab.held() == {"one": "unmatched_reply"}
    await lab.route(mail("unknown", BOB, minutes=-1))
    assert await lab.threads() == {"unknown": ["unknown", "one"]}


async def test_a_reading_of_a_message_on_a_merged_ticket_is_told_there(lab: Lab) -> None:
    one = mail("one")
    await lab.route(one, mail("two", subject="Again"))
    await lab.run(
        "update tickets set closed_at = now(), status = 'closed', merged_into_id = (select max(id) from tickets)"
        " where id = (select min(id) from tickets)"
    )
    await lab.route(again(one, "mended"))
    rows = await lab.rows("select number, type from outbox join tickets on tickets.id = ticket_id order by position")
    assert rows[-1]["type"] == "ticket.message_revised"
    assert rows[-1]["number"] == rows[0]["number"]


async def test_a_batch_in_which_nothing_came_twice_asks_nothing_more(lab: Lab) -> None:
    await lab.route(mail("one"))
    await lab.route(mail("two", ANA, answers="one"))
    assert await duplicates(lab) == []


async def test_a_held_answer_that_is_read_again_waits_on_and_follows_its_original(lab: Lab) -> None:
    one = mail("one", BOB, answers="unknown")
    await lab.route(one)
    await lab.route(again(one, "mended"))
    assert await duplicates(lab) == ["revision"]
    await look(lab)
    assert await lab.held() == {"mended": "unmatched_reply"}
    await lab.route(mail("unknown", BOB, minutes=-1))
    assert await lab.threads() == {"unknown": ["unknown", "mended"]}
