"""A process that dies between any two steps, pauses in mid-flight, and the order of a ticket's events."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from webhook_lab import LOG, Asked, answer, event, event_id, webhook_lab

from connectors.posting_guard import Reach
from schemas.routing_rows import MovedOffset
from schemas.webhook_rows import DueDispatch
from ticket_store.webhook_queue import WebhookQueue

LEASE = timedelta(seconds=30)


class DiedError(BaseException):
    """The process is gone."""


class DyingQueue(WebhookQueue):
    """The process dies around what it asks of the store."""

    def __init__(self, *, dies: str, **more: Any) -> None:
        super().__init__(**more)
        self._dies = dies

    async def claim(self, **which: Any) -> Sequence[DueDispatch]:
        if self._dies == "before the claim":
            raise DiedError
        found = await super().claim(**which)
        if self._dies == "after the claim":
            raise DiedError
        return found

    async def settle(self, *given: Any, **more: Any) -> Any:
        if self._dies == "after the answer":
            raise DiedError
        found = await super().settle(*given, **more)
        if self._dies == "after the mark":
            raise DiedError
        return found


@pytest.mark.parametrize(
    ("dies", "times"),
    [("before the claim", 1), ("after the claim", 1), ("after the answer", 2), ("after the mark", 1)],
)
async def test_a_process_that_dies_loses_nothing_and_sends_the_same_id_again(
    database: str, dies: str, times: int
) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        await lab.happened("1", 1, 2)
        dying = lab.worker(queue=DyingQueue(dies=dies, pool=lab.pool))
        with suppress(DiedError):
            await dying.round()
        await lab.send()
        lab.now += LEASE
        await lab.send()
        assert [asked.id for asked in lab.receiver.asked] == [str(event_id("1", 1))] * times + [str(event_id("1", 2))]
        assert await lab.states(endpoint) == ["delivered", "delivered"]
        assert await lab.rows("select * from webhook_tracks") == []


async def test_what_a_worker_says_after_its_lease_counts_no_more(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.held["/hook"] = asyncio.Event()
        lab.receiver.answers["/hook"] = lambda _: answer(500 if len(lab.receiver.asked) == 2 else 200)
        await lab.happened("1", 1)
        slow = asyncio.create_task(lab.worker().round())
        await lab.receiver.wait(1)
        lab.now += LEASE
        second = asyncio.create_task(lab.worker().round())
        await lab.receiver.wait(2)
        lab.receiver.held["/hook"].set()
        assert set(await asyncio.gather(slow, second)) == {1}
        assert sorted(lab.counted.states) == [f"{endpoint} lost", f"{endpoint} pending"]
        assert [row.status for row in await lab.log(endpoint)] == [500]


async def test_offsets_move_with_the_events_or_not_at_all(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        await lab.came(event("1", 1))
        again = [MovedOffset(0, 0, 1)]
        assert not await lab.queue.take(LOG, again, [event("2", 1)], now=lab.now)
        assert await lab.queue.take(LOG, [MovedOffset(0, 1, 2)], [event("1", 1)], now=lab.now)
        assert [row.ticket for row in await lab.log(endpoint)] == ["1"]


async def test_a_failure_keeps_back_the_rest_of_its_ticket_and_no_other_ticket(database: str) -> None:
    async with webhook_lab(database) as lab:
        await lab.endpoint()

        def first_fails(asked: Asked) -> bytes:
            return answer(500 if asked.event["subject"] == "1" and len(lab.receiver.asked) <= 2 else 200)

        lab.receiver.answers["/hook"] = first_fails
        await lab.happened("1", 1, 2, 3)
        await lab.happened("2", 1, 2)
        await lab.send()
        lab.later(seconds=5)
        await lab.send()
        order: dict[str, list[int]] = {"1": [], "2": []}
        for asked in lab.receiver.asked:
            order[asked.event["subject"]].append(asked.sequence)
        assert order == {"1": [1, 1, 2, 3], "2": [1, 2]}


async def test_a_late_event_with_an_earlier_number_goes_first(database: str) -> None:
    async with webhook_lab(database) as lab:
        await lab.endpoint()
        await lab.happened("1", 3)
        await lab.happened("1", 2)
        await lab.send()
        assert [asked.sequence for asked in lab.receiver.asked] == [2, 3]


async def test_events_that_come_while_others_are_sent_are_neither_lost_nor_out_of_order(database: str) -> None:
    """Tracks are forgotten when nothing waits in them, while new events wake them up."""
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        workers = [lab.worker() for _ in range(3)]
        running = [asyncio.create_task(worker.run()) for worker in workers]
        for sequence in range(1, 41):
            await lab.came(event("1", sequence), event("2", sequence))
            for worker in workers:
                worker.stir()
        await lab.receiver.wait(80)
        for worker in workers:
            worker.stop()
        await asyncio.gather(*running)
        for ticket in ("1", "2"):
            came = [asked.sequence for asked in lab.receiver.asked if asked.event["subject"] == ticket]
            assert came == list(range(1, 41))
        assert await lab.states(endpoint) == ["delivered"] * 80
        assert await lab.rows("select * from webhook_tracks") == []


async def test_an_endpoint_that_hangs_delays_no_other(database: str) -> None:
    async with webhook_lab(database) as lab:
        await lab.endpoint("/slow")
        await lab.endpoint("/quick")
        lab.receiver.held["/slow"] = asyncio.Event()
        worker = lab.worker()
        running = asyncio.create_task(worker.run())
        for ticket in range(20):
            await lab.happened(str(ticket), 1)
            worker.stir()
        await lab.receiver.wait(20, "/quick")
        assert len(lab.receiver.at("/slow")) == 4
        lab.receiver.held["/slow"].set()
        await lab.receiver.wait(20, "/slow")
        worker.stop()
        await running


async def test_an_endpoint_that_fails_has_one_place(database: str) -> None:
    async with webhook_lab(database) as lab:
        await lab.endpoint()
        lab.receiver.answers["/hook"] = answer(500)
        await lab.happened("1", 1)
        await lab.send()
        for ticket in range(5):
            await lab.happened(f"t{ticket}", 1)
        assert [await lab.worker().round() for _ in range(3)] == [1, 1, 1]


async def test_when_an_endpoint_works_again_nothing_waits_for_its_schedule(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.answers["/hook"] = answer(500)
        for ticket in range(3):
            await lab.happened(str(ticket), 1)
        for _ in range(8):
            await lab.send(rounds=1)
            lab.later(minutes=2)
        lab.receiver.answers.clear()
        assert (await lab.shown(endpoint)).failures >= 5
        lab.later(minutes=30)
        await lab.send()
        assert await lab.states(endpoint) == ["delivered"] * 3


async def test_an_endpoint_that_is_paused_keeps_its_events_and_goes_on_with_them(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.held["/hook"] = asyncio.Event()
        await lab.happened("1", 1, 2)
        sending = asyncio.create_task(lab.send())
        await lab.receiver.wait(1)
        await lab.pause(endpoint)
        lab.receiver.held["/hook"].set()
        assert await sending == 1
        await lab.happened("2", 1)
        assert await lab.send() == 0
        assert await lab.states(endpoint) == ["delivered", "pending", "pending"]
        await lab.resume(endpoint)
        assert await lab.send() == 2


async def test_an_endpoint_that_is_removed_in_mid_flight_is_gone_with_all_that_it_had(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.held["/hook"] = asyncio.Event()
        await lab.happened("1", 1, 2)
        sending = asyncio.create_task(lab.send())
        await lab.receiver.wait(1)
        assert await lab.webhooks.remove(endpoint)
        lab.receiver.held["/hook"].set()
        assert await sending == 1
        assert lab.counted.states == [f"{endpoint} lost"]
        (left,) = await lab.rows(
            "select (select count(*) from webhook_secrets) + (select count(*) from webhook_dispatches)"
            " + (select count(*) from webhook_tracks) + (select count(*) from webhook_attempts) as rows"
        )
        assert left["rows"] == 0
        await lab.queue.forget(before=lab.now + timedelta(days=1), now=lab.now, limit=10)
        assert await lab.rows("select * from webhook_events") == []


async def test_a_secret_that_is_rotated_in_mid_flight_signs_the_next_try(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.answers["/hook"] = answer(500)
        await lab.happened("1", 1)
        await lab.send()
        await lab.webhooks.rotate(endpoint, secret=bytes(32), retires_at=lab.now, now=lab.now)
        lab.later(seconds=5)
        await lab.send()
        signatures = [asked.headers["webhook-signature"] for asked in lab.receiver.asked]
        assert [len(signature.split()) for signature in signatures] == [1, 1]
        assert len(set(signatures)) == 2


async def test_events_that_wait_for_too_long_expire_and_their_tracks_with_them(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        await lab.pause(endpoint)
        await lab.happened("1", 1)
        lab.later(days=7)
        await lab.happened("1", 2)
        await lab.happened("2", 1)
        await lab.queue.purge(before=lab.now - timedelta(days=6))
        assert await lab.states(endpoint) == ["expired", "pending", "pending"]
        await lab.resume(endpoint)
        assert await lab.send() == 2
        assert {(asked.event["subject"], asked.sequence) for asked in lab.receiver.asked} == {("1", 2), ("2", 1)}


async def test_the_log_is_forgotten_with_the_events_in_it(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        await lab.happened("1", 1)
        await lab.send()
        lab.later(days=1)
        await lab.happened("1", 2)
        await lab.send()
        await lab.queue.forget(before=lab.now - timedelta(hours=1), now=lab.now, limit=10)
        assert [row.sequence for row in await lab.log(endpoint)] == [2]
        assert len(await lab.rows("select * from webhook_events")) == 1
        assert len(await lab.rows("select * from webhook_attempts")) == 1


async def test_a_bug_that_one_event_meets_stops_no_other(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        await lab.happened("1", 1)
        await lab.happened("2", 1)
        await lab.rows(
            "update webhook_events set names = '{7}', event = 'no json' where id = %s returning 1", event_id("1", 1)
        )
        await lab.rows("update webhook_endpoints set accounts = '{support}' returning 1")
        await lab.send()
        assert await lab.states(endpoint) == ["pending", "delivered"]
        assert (await lab.log(endpoint))[0].problem == "an unexpected problem: JSONDecodeError"


async def test_what_the_settings_do_not_allow_is_never_dialled(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        await lab.happened("1", 1)
        assert await lab.send(reach=Reach()) == 1
        assert lab.receiver.asked == []
        (row,) = await lab.log(endpoint)
        assert (row.state, row.status) == ("pending", None)
        assert "webhooks.allow_hosts" in row.problem
