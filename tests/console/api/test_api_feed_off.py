"""The feed of ticket events after a time in which nobody fed it: what is gone is told, what happens is fed."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from api_feed import fed, feeding, publish
from api_lab import ApiLab, api_lab
from routing_lab import mail

from bus.postgres import PostgresLog
from daemon.feeder import GROUP, Feeder
from daemon.health import PARTITION

STORED = "select partition, next_offset from consumer_offsets where consumer = %s order by partition"


async def off_for_long(api: ApiLab) -> None:
    """Feed one event; then three happen, and retention takes them before anybody feeds them."""
    async with feeding(api) as feeder:
        await api.lab.route(mail("a"))
        await publish(api)
        await fed(feeder, 1)
    await api.lab.route(*(mail(f"b{n}", answers="a", minutes=1 + n) for n in range(3)))
    await publish(api)
    topic, log = api.store.settings.bus.tickets_topic, api.store.log
    assert isinstance(log, PostgresLog)
    ends = {state.partition: state.next_offset for state in await log.partitions(topic)}
    assert await log.trim(topic, keep_hours=0.0000001, floor=ends) == 4


async def on_again(api: ApiLab, stack: AsyncExitStack) -> Feeder:
    """Feed what happens after that."""
    await api.lab.route(mail("c", answers="a", minutes=9))
    await publish(api)
    feeder = await stack.enter_async_context(feeding(api))
    await fed(feeder, 1)
    return feeder


async def test_what_happens_after_events_were_lost_is_fed(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, AsyncExitStack() as stack:
        await off_for_long(api)
        await on_again(api, stack)
        rows = await api.lab.rows("select type from api_events order by position")
        assert [row["type"] for row in rows] == ["ticket.created", "gap", "ticket.message_added"]


@pytest.mark.parametrize("accounts", [None, ["support"], ["sales"]])
async def test_every_reader_gets_a_gap_where_events_were_lost(
    database: str, tmp_path: Path, accounts: list[str] | None
) -> None:
    async with api_lab(database, tmp_path) as api, AsyncExitStack() as stack:
        await off_for_long(api)
        await on_again(api, stack)
        async with (
            api.client(accounts=accounts) as client,
            client.stream("GET", "/events", headers={"Last-Event-ID": "1"}) as answer,
        ):
            said: list[str] = []
            async for line in answer.aiter_lines():
                said.append(line)
                if line.startswith("data: "):
                    break
        assert said[-3:] == ["id: 2", "event: gap", "data: {}"]


async def test_how_many_events_were_lost_is_on_the_board_and_counted(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, AsyncExitStack() as stack:
        await off_for_long(api)
        await on_again(api, stack)
        (warning,) = api.board.warnings
        assert (warning.reason, list(api.board)) == (PARTITION, [])
        assert "3 events were gone" in warning.detail
        ((partition, _),) = [tuple(row.values()) for row in await api.lab.rows(STORED, [GROUP])]
        labels = {"consumer": GROUP, "partition": str(partition)}
        assert api.registry.get_sample_value("switchboard_feed_skipped_total", labels) == 3


async def test_an_offset_of_another_log_stops_the_partition_and_turns_readiness_red(
    database: str, tmp_path: Path
) -> None:
    async with api_lab(database, tmp_path) as api:
        await off_for_long(api)
        await api.lab.run("update consumer_offsets set log_identity = 'another' where consumer = %s", [GROUP])
        before = await api.lab.rows(STORED, [GROUP])
        async with feeding(api) as feeder:
            while not list(api.board):
                assert await feeder.turn() == 0
        (trouble,) = api.board
        assert trouble.reason == PARTITION
        assert "another log" in trouble.detail
        assert await api.lab.rows(STORED, [GROUP]) == before
