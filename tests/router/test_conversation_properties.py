"""However the deliveries of conversations are ordered, parted into batches and shared by routers: the same tickets.

What each chat says comes in its own order (a platform keeps it), chats and batches interleave at will; parts of albums
and edits come in any order.
"""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from chats import chat, in_group
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routing_lab import Lab, open_lab

from schemas.message import InboundMessage

BOUNDED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
EMPTY = """
    truncate tickets, messages, delivery_keys, duplicates, thread_ids, held_ids, outbox, blob_refs,
             conversations cascade
"""


def album(person: str, name: str, **more: Any) -> list[InboundMessage]:
    """Make three parts that belong together, one of them with the words."""
    return [
        chat(f"{name}{n}", person, album=name, text="words" if n == 2 else "", files=(f"{name}{n}.jpg",), **more)
        for n in (1, 2, 3)
    ]


def edits(person: str, of: str) -> list[InboundMessage]:
    """Make three changes of a message, the last of which counts."""
    return [
        chat(f"{of} change {n}", person, kind="edit", answers=of, text=f"{of} as changed {n}", minutes=n, edit=True)
        for n in (1, 2, 3)
    ]


LOOSE: list[InboundMessage] = [
    *album("ana", "10"),
    *album("bob", "20"),
    *album("ana", "30", room="team", group=True),
    *edits("ana", "1"),
    *edits("bob", "2"),
    chat("1", "ana"),
    chat("2", "bob"),
    chat("3", "ana", answers="1"),
    in_group("4", "bob"),
]
"""Everything that three chats brought, in no order."""


async def ends(lab: Lab) -> list[tuple[str, list[str], list[str]]]:
    """Give each ticket's conversation, what stands on it, and the files there; sorted, without the order of arrival."""
    rows = await lab.rows(
        "select ticket_id, encode(conversation, 'hex') as talk, body_text, details from messages"
        " where ticket_id is not null order by ticket_id"
    )
    found: dict[int, tuple[str, list[str], list[str]]] = {}
    for row in rows:
        _, texts, files = found.setdefault(row["ticket_id"], (row["talk"], [], []))
        texts.append(row["body_text"])
        files.append(" ".join(file["name"] for file in row["details"].get("files", ())))
    return sorted((talk, sorted(texts), sorted(files)) for talk, texts, files in found.values())


def parted(messages: Sequence[InboundMessage], cuts: Sequence[int]) -> list[Sequence[InboundMessage]]:
    places = sorted({cut % (len(messages) + 1) for cut in cuts})
    edges = [0, *places, len(messages)]
    return [messages[a:b] for a, b in pairwise(edges) if a < b]


EXPECTED = [
    ["1 as changed 3", "text of 3", "words"],
    ["2 as changed 3", "words"],
    ["text of 4", "words"],
]


async def check(lab: Lab) -> None:
    found = await ends(lab)
    assert sorted(texts for _, texts, _ in found) == sorted(EXPECTED)
    assert sorted(file for _, _, files in found for file in files if file) == [
        "101.jpg 102.jpg 103.jpg",
        "201.jpg 202.jpg 203.jpg",
        "301.jpg 302.jpg 303.jpg",
    ]
    assert await lab.held() == {}
    versions = await lab.rows(
        "select t.version, count(o.id) as events from tickets t join outbox o on o.ticket_id = t.id group by t.id"
    )
    assert all(row["version"] == row["events"] for row in versions)


@BOUNDED
@given(order=st.permutations(LOOSE), cuts=st.lists(st.integers(0, 40), max_size=5))
async def test_any_order_over_any_batches_gives_the_same_tickets(
    database: str, order: list[InboundMessage], cuts: list[int]
) -> None:
    async with open_lab(database) as lab:
        await lab.run(EMPTY)
        for batch in parted(order, cuts):
            await lab.route(*batch)
        await check(lab)


@BOUNDED
@given(order=st.permutations(LOOSE), cuts=st.lists(st.integers(0, 40), min_size=1, max_size=5))
async def test_several_routers_at_once_give_the_same_tickets(
    database: str, order: list[InboundMessage], cuts: list[int]
) -> None:
    async with open_lab(database) as lab:
        await lab.run(EMPTY)
        await asyncio.gather(*(patiently(lab, batch) for batch in parted(order, cuts)))
        await check(lab)


async def patiently(lab: Lab, batch: Sequence[InboundMessage]) -> None:
    """Route a batch as the worker does: after a deadlock, again."""
    while True:
        try:
            await lab.route(*batch)
        except Exception as error:
            if lab.store.fault_of(error)[0] != "again":
                raise
        else:
            return


async def test_two_routers_never_tear_a_conversation(database: str) -> None:
    async with open_lab(database) as lab:
        people = [f"p{n}" for n in range(10)]
        batches = [[chat(f"{turn}", person, minutes=turn) for person in people] for turn in range(20)]
        await asyncio.gather(*(patiently(lab, batch if n % 2 else batch[::-1]) for n, batch in enumerate(batches)))
        tickets = await lab.rows("select count(*) as n from tickets")
        assert tickets == [{"n": len(people)}]
