"""The feed of ticket events: who has missed something, where a reader goes on, and how its statements are planned."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from plans import plan_of, read
from routing_lab import Lab, open_lab

from ticket_store.feed import EventFeed

OLD = datetime(2026, 3, 1, tzinfo=UTC)
NEW = OLD + timedelta(days=1)
FILL = """
    with moved as (update api_feed set position = position + cardinality(%(accounts)s::text[]) returning position)
    insert into api_events (position, event_id, ticket, account, type, event, fed_at)
    select moved.position - cardinality(%(accounts)s::text[]) + given.place, gen_random_uuid(), '1', given.account,
           'ticket.created', '{}', %(fed_at)s
    from unnest(%(accounts)s::text[]) with ordinality as given (account, place), moved
"""


async def feed(lab: Lab, accounts: str, fed_at: datetime = OLD) -> EventFeed:
    """Feed an event for every letter: the first letter of its account."""
    names = {"a": "alpha", "b": "beta"}
    async with lab.pool.connection() as connection:
        await connection.execute(FILL, {"accounts": [names[letter] for letter in accounts], "fed_at": fed_at})
    return EventFeed(pool=lab.pool)


async def gaps(found: EventFeed, accounts: list[str] | None, newest: int) -> list[int]:
    """Give the last positions that have missed something."""
    return [last for last in range(newest + 1) if (await found.start(last, accounts=accounts)).gap]


async def test_only_who_has_missed_an_event_of_its_own_is_told_of_a_gap(database: str) -> None:
    async with open_lab(database) as lab:
        found = await feed(lab, "aabbbb")
        await feed(lab, "ab", NEW)
        await found.purge(before=NEW)
        assert await gaps(found, None, 8) == [1, 2, 3, 4, 5]
        assert await gaps(found, ["alpha"], 8) == [1]
        assert await gaps(found, ["beta"], 8) == [1, 2, 3, 4, 5]
        assert await gaps(found, ["gamma"], 8) == []


async def test_a_feed_that_was_forgotten_whole_has_gaps_only_before_its_end(database: str) -> None:
    async with open_lab(database) as lab:
        found = await feed(lab, "ab")
        await found.purge(before=NEW)
        assert await gaps(found, None, 2) == [1]
        assert await gaps(found, ["alpha"], 2) == []


async def test_a_position_of_another_feed_is_a_gap(database: str) -> None:
    async with open_lab(database) as lab:
        found = await feed(lab, "ab")
        start = await found.start(3, accounts=None)
        assert (start.position, start.gap) == (2, True)
        assert not (await found.start(None, accounts=None)).gap


async def test_a_reader_moves_on_past_events_of_others(database: str) -> None:
    async with open_lab(database) as lab:
        found = await feed(lab, "abbb")
        page = await found.page(0, accounts=["alpha"], limit=10)
        assert ([event.position for event in page.events], page.position) == ([1], 4)
        full = await found.page(0, accounts=["beta"], limit=2)
        assert ([event.position for event in full.events], full.position) == ([2, 3], 3)
        await found.purge(before=NEW)
        assert not (await found.start(page.position, accounts=["alpha"])).gap


async def test_a_reader_that_looks_while_events_are_fed_misses_none(database: str) -> None:
    async with open_lab(database) as lab:
        found = await feed(lab, "")
        seen: list[int] = []

        async def reading() -> None:
            position = 0
            while len(seen) < 100:
                page = await found.page(position, accounts=["alpha"], limit=7)
                seen.extend(event.position for event in page.events)
                position = page.position

        async with asyncio.timeout(30):
            reader = asyncio.create_task(reading())
            for _ in range(50):
                await feed(lab, "aab")
            await reader
        assert seen == [n for n in range(1, 151) if n % 3]


@pytest.mark.parametrize("fresh", [False, True], ids=["analyzed", "never analyzed"])
async def test_statements_of_the_feed_read_a_few_rows_by_an_index(database: str, *, fresh: bool) -> None:
    async with open_lab(database) as lab:
        await feed(lab, "a" + "b" * 20_000 + "a")
        if not fresh:
            await lab.run("analyze")
        few = {"position": 0, "limit": 100}
        for name, values, most in (
            ("events_after", {**few, "position": 15_000}, 100),
            ("events_of_accounts", {**few, "accounts": ["alpha"]}, 2),
            ("events_of_accounts", {**few, "accounts": ["alpha", "gamma"]}, 2),
            ("feed_ends", {}, 2),
            ("feed_start", {"accounts": ["alpha"]}, 3),
            ("feed_start", {"accounts": None}, 3),
        ):
            got = read(await plan_of(lab, "feed", name, values))
            assert sum(got.values()) <= most, f"{name} reads {got}"
