"""Albums and edits: what changes a message that came before, in any order, over any batches."""

import itertools
import json
from typing import Any

import pytest
from chats import chat, in_group
from routing_lab import Lab, open_lab

from schemas.message import InboundMessage

PARTS = ("11", "12", "13")


def part(name: str, **more: Any) -> InboundMessage:
    return chat(name, album="A", files=(f"{name}.jpg",), text=f"text of {name}" if name == "12" else "", **more)


def edit(name: str, text: str, *, minutes: float = 5, **more: Any) -> InboundMessage:
    return chat(f"{name}-{text}", kind="edit", answers=name, text=text, minutes=minutes, edit=True, **more)


async def shown(lab: Lab) -> list[tuple[str, list[str]]]:
    """Give text and files of everything that stands on tickets."""
    rows = await lab.rows("select body_text, details from messages where ticket_id is not null order by id")
    return [(row["body_text"], [file["name"] for file in row["details"].get("files", ())]) for row in rows]


async def earlier(lab: Lab) -> list[str]:
    rows = await lab.rows("select body_text from earlier_texts order by said_until, id")
    return [row["body_text"] for row in rows]


@pytest.mark.parametrize("order", list(itertools.permutations(PARTS)))
@pytest.mark.parametrize("split", [0, 1, 2])
async def test_an_album_is_one_message_in_any_order_over_any_batches(
    database: str, order: tuple[str, ...], split: int
) -> None:
    async with open_lab(database) as lab:
        for batch in (order[:split], order[split:]):
            await lab.route(*(part(name) for name in batch))
        assert await shown(lab) == [("text of 12", ["11.jpg", "12.jpg", "13.jpg"])]
        states = await lab.rows("select state, count(*) as n from messages group by state order by state")
        assert [(row["state"], row["n"]) for row in states] == [("noted", 2), ("ticketed", 1)]
        assert (await lab.events()) == ["ticket.created", "ticket.message_revised", "ticket.message_revised"]


async def test_an_album_of_two_people_or_chats_is_two(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(part("1"), part("2", sender="bob"))
        await lab.route(in_group("3", "ana", album="B"), in_group("4", "bob", album="B"))
        assert len(await shown(lab)) == 4


async def test_an_answer_to_a_later_part_is_an_answer_to_the_message(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(part("11"), part("12"))
        await lab.run("update conversations set ticket_id = null")
        await lab.route(chat("20", answers="12"))
        assert (await lab.decision("20"))["rule"] == "ids"


async def test_an_edit_takes_the_place_of_the_text_and_keeps_it(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await lab.route(edit("1", "better", minutes=5))
        await lab.route(edit("1", "best", minutes=6))
        assert await shown(lab) == [("best", [])]
        assert await earlier(lab) == ["text of 1", "better"]
        assert await lab.events() == ["ticket.created", "ticket.message_revised", "ticket.message_revised"]
        events = await lab.rows("select event from outbox order by sequence")
        assert [json.loads(row["event"])["data"]["message"].get("text") for row in events] == [
            "text of 1",
            "better",
            "best",
        ]


async def test_an_edit_that_came_late_only_says_what_was_said(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), edit("1", "best", minutes=6))
        await lab.route(edit("1", "better", minutes=5))
        assert await shown(lab) == [("best", [])]
        assert sorted(await earlier(lab)) == ["better", "text of 1"]


async def test_an_edit_that_changes_nothing_is_no_event(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), edit("1", "text of 1"))
        assert await lab.events() == ["ticket.created"]
        assert await earlier(lab) == []


@pytest.mark.parametrize("together", [True, False])
async def test_an_edit_before_its_original_waits_for_it(database: str, *, together: bool) -> None:
    async with open_lab(database) as lab:
        first, second = edit("1", "better"), chat("1", minutes=6)
        if together:
            await lab.route(first, second)
        else:
            await lab.route(first)
            assert await lab.held() == {"better": "edit"}
            await lab.route(second)
        assert await shown(lab) == [("better", [])]
        assert await lab.held() == {}
        assert await earlier(lab) == ["text of 1"]


async def test_an_edit_of_a_held_message_changes_it_in_the_spool(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), chat("2", "eve", room="ana"))
        await lab.route(edit("2", "changed", sender="eve", room="ana"))
        assert await lab.held() == {"changed": "stranger"}
        assert await earlier(lab) == ["text of 2"]


async def test_an_edit_of_what_nobody_knows_is_held(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(edit("unknown", "better"))
        assert await lab.held() == {"better": "edit"}


@pytest.mark.parametrize(
    "other",
    [
        edit("1", "x", sender="eve", room="team", group=True),
        edit("telegram:bot:team:1", "x"),
        edit("1", "x", verdict="none"),
    ],
    ids=["somebody else", "another chat", "unproven"],
)
async def test_an_edit_by_somebody_else_or_from_elsewhere_changes_nothing(database: str, other: InboundMessage) -> None:
    async with open_lab(database) as lab:
        await lab.route(in_group("1", "ana"), chat("1"))
        await lab.route(other)
        assert await lab.held() == {"x": "edit"}
        assert await shown(lab) == [("text of 1", []), ("text of 1", [])]


async def test_an_edit_of_a_part_changes_its_place_in_the_album(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(part("12"), part("11"))
        await lab.route(edit("11", "first", files=()), part("13"))
        assert await shown(lab) == [("first\n\ntext of 12", ["11.jpg", "12.jpg", "13.jpg"])]
        await lab.route(edit("12", "second", minutes=1))
        assert await shown(lab) == [("first\n\nsecond", ["11.jpg", "12.jpg", "13.jpg"])]


async def test_an_edit_of_a_part_that_comes_first_waits_for_that_part(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(part("11"))
        await lab.route(edit("12", "changed"))
        await lab.route(part("12"))
        assert await shown(lab) == [("changed", ["11.jpg", "12.jpg"])]


async def test_files_that_were_fetched_stay_when_a_part_comes(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(part("12"))
        await lab.run("update messages set details = jsonb_set(details, '{files,0,state}', '\"stored\"')")
        await lab.route(part("11"))
        rows = await lab.rows("select details from messages where ticket_id is not null")
        assert [file.get("state", "stored") for file in rows[0]["details"]["files"]] == ["pending", "stored"]


async def test_what_was_edited_is_not_put_back_by_reading_its_original_again(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), edit("1", "better"), part("11"), part("12"))
        newer = [chat("1", text="read anew"), part("11")]
        await lab.route(*(message.model_copy(update={"normalizer_version": 9}) for message in newer))
        assert await shown(lab) == [("better", []), ("text of 12", ["11.jpg", "12.jpg"])]
