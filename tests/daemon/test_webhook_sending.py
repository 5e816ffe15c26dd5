"""Ticket events on their way to endpoints: who gets which, signed how, and what becomes of every answer."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook
from webhook_lab import SECRET, START, Asked, answer, event_id, webhook_lab

from router.webhooks.signing import shown
from schemas.webhook_rows import EndpointState
from ticket_store.webhooks import MOST, TooManyEndpointsError

NEW_SECRET = bytes(range(100, 132))


def verified(asked: Asked, secret: bytes) -> bool:
    """Whether a receiver with this secret takes a request, whatever its time: the lab's clock is not today's."""
    moment = datetime.fromtimestamp(int(asked.headers["webhook-timestamp"]), tz=UTC)
    signature = Webhook(shown(secret)).sign(asked.id, moment, asked.body.decode())
    return signature in asked.headers["webhook-signature"].split(" ")


async def test_an_event_comes_signed_as_a_cloud_event_under_its_own_id(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        await lab.happened("1", 1)
        assert await lab.send() == 1
        (asked,) = lab.receiver.asked
        assert asked.id == asked.event["id"] == str(event_id("1", 1))
        assert asked.headers["content-type"] == "application/cloudevents+json; charset=UTF-8"
        assert asked.headers["webhook-timestamp"] == str(int(START.timestamp()))
        assert verified(asked, SECRET)
        assert not verified(asked, NEW_SECRET)
        assert await lab.states(endpoint) == ["delivered"]
        assert lab.counted.states == [f"{endpoint} delivered"]
        assert await lab.send() == 0


async def test_an_endpoint_gets_the_types_and_accounts_that_it_wants(database: str) -> None:
    async with webhook_lab(database) as lab:
        await lab.endpoint("/all")
        await lab.endpoint("/sales", accounts=["sales"])
        await lab.endpoint("/new", types=["ticket.created"])
        await lab.happened("1", 1, type="ticket.created")
        await lab.happened("2", 1, account="sales")
        assert await lab.send() == 4
        came = {
            path: [asked.event["subject"] for asked in lab.receiver.at(path)] for path in ("/all", "/sales", "/new")
        }
        assert came == {"/all": ["1", "2"], "/sales": ["2"], "/new": ["1"]}


async def test_an_endpoint_of_some_accounts_never_reads_the_numbers_of_other_tickets(database: str) -> None:
    async with webhook_lab(database) as lab:
        await lab.ticket("0000000007", account="sales")
        await lab.ticket("0000000008", account="support")
        await lab.endpoint("/some", accounts=["support"])
        await lab.endpoint("/all")
        await lab.happened("1", 1, names=("0000000007",))
        await lab.happened("2", 1, names=("0000000008",))
        await lab.happened("3", 1, names=("0000000009",))
        assert await lab.send() == 6
        named = {
            path: [asked.event["data"].get("other") for asked in lab.receiver.at(path)] for path in ("/some", "/all")
        }
        assert named == {"/some": [None, "0000000008", None], "/all": ["0000000007", "0000000008", "0000000009"]}
        assert "continues" not in lab.receiver.at("/some")[0].event["data"]["ticket"]
        assert all(verified(asked, SECRET) for asked in lab.receiver.asked)


async def test_an_endpoint_gets_what_happened_after_it_was_made(database: str) -> None:
    async with webhook_lab(database) as lab:
        before = START - timedelta(hours=1)
        await lab.happened("1", 1)
        endpoint = await lab.endpoint()
        await lab.happened("2", 1)
        assert await lab.send() == 1
        lab.now = before
        await lab.happened("3", 1)
        lab.now = START
        assert await lab.send() == 0
        assert [row.ticket for row in await lab.log(endpoint)] == ["2"]


async def test_an_event_that_comes_twice_from_the_topic_goes_out_once(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        await lab.happened("1", 1, 2, 2, 1)
        await lab.happened("1", 2, 3)
        assert await lab.send() == 3
        assert [asked.sequence for asked in lab.receiver.asked] == [1, 2, 3]
        assert await lab.states(endpoint) == ["delivered"] * 3


async def test_a_failure_is_tried_again_by_the_schedule_until_it_is_accepted(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.answers["/hook"] = answer(500, body="we are down")
        await lab.happened("1", 1)
        tried = []
        for seconds in (5, 5 * 60, 30 * 60, 2 * 3600):
            assert await lab.send() == 1
            tried.append((await lab.log(endpoint))[0].next_at)
            lab.later(seconds=seconds - 1)
            assert await lab.send() == 0
            lab.later(seconds=1)
        lab.receiver.answers.clear()
        assert await lab.send() == 1
        (row,) = await lab.log(endpoint)
        assert (row.state, row.attempts, row.next_at) == ("delivered", 5, None)
        attempts = await lab.webhooks.attempts(row.id)
        assert [(one.attempt, one.status, one.next_at) for one in attempts][:4] == [
            (place + 1, 500, moment) for place, moment in enumerate(tried)
        ]
        assert (attempts[0].problem, attempts[0].answer) == ("it answers 500", "we are down")
        assert {asked.id for asked in lab.receiver.asked} == {str(event_id("1", 1))}
        assert len({asked.headers["webhook-timestamp"] for asked in lab.receiver.asked}) == 5


async def test_success_alone_counts_as_accepted_and_nobody_is_followed_elsewhere(database: str) -> None:
    async with webhook_lab(database) as lab:
        accepted, refused = (200, 201, 202, 204), (301, 302, 307, 400, 401, 404, 500, 503)
        endpoints = {status: await lab.endpoint(f"/{status}") for status in accepted + refused}
        for status in refused:
            lab.receiver.answers[f"/{status}"] = answer(status, f"location: {lab.url('/elsewhere')}")
        for status in accepted:
            lab.receiver.answers[f"/{status}"] = f"HTTP/1.1 {status} Fine\r\n\r\n".encode()
        await lab.happened("1", 1)
        assert await lab.send() == len(endpoints)
        states = {status: (await lab.states(endpoint))[0] for status, endpoint in endpoints.items()}
        assert states == dict.fromkeys(accepted, "delivered") | dict.fromkeys(refused, "pending")
        assert lab.receiver.at("/elsewhere") == []
        assert (await lab.log(endpoints[302]))[0].problem == "it sends us elsewhere (302), where we do not go"


async def test_an_event_is_given_up_after_three_days_and_the_next_one_of_its_ticket_goes(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.answers["/hook"] = lambda asked: answer(400 if asked.sequence == 1 else 200)
        await lab.happened("1", 1, 2)
        await lab.send()
        while (await lab.states(endpoint))[0] == "pending":
            assert [asked.sequence for asked in lab.receiver.asked] == [1] * len(lab.receiver.asked)
            lab.later(hours=10)
            await lab.send(rounds=1)
        assert lab.now - START <= timedelta(hours=72)
        lab.later(minutes=1)
        await lab.send()
        assert await lab.states(endpoint) == ["failed", "delivered"]
        assert (await lab.shown(endpoint)).state == "active"


async def test_gone_disables_an_endpoint_at_once_and_what_it_missed_comes_when_it_goes_on(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.answers["/hook"] = answer(410)
        await lab.happened("1", 1)
        assert await lab.send() == 1
        shown_now = await lab.shown(endpoint)
        assert (shown_now.state, shown_now.reason) == ("disabled", "it answered 410: it wants no more events")
        await lab.happened("2", 1)
        lab.later(hours=1)
        assert await lab.send() == 0
        lab.receiver.answers.clear()
        await lab.resume(endpoint)
        assert await lab.send() == 2
        assert await lab.states(endpoint) == ["delivered", "delivered"]


async def test_an_endpoint_that_accepts_nothing_for_days_is_disabled_with_the_reason(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.answers["/hook"] = answer(500)
        for day in range(6):
            await lab.happened(str(day), 1)
            await lab.send(rounds=3)
            assert (await lab.shown(endpoint)).state == ("active" if day < 5 else "disabled")
            lab.later(days=1)
        assert (
            await lab.shown(endpoint)
        ).reason == "nothing was accepted since 2026-03-02 09:00 UTC; the last time it answers 500"


async def test_a_busy_receiver_gets_no_other_ticket_either(database: str) -> None:
    async with webhook_lab(database) as lab:
        await lab.endpoint()
        lab.receiver.answers["/hook"] = answer(503, "retry-after: 60")
        await lab.happened("1", 1)
        await lab.send()
        await lab.happened("2", 1)
        assert await lab.send() == 0
        lab.later(seconds=60)
        lab.receiver.answers.clear()
        assert await lab.send() == 2


async def test_two_secrets_sign_while_a_receiver_changes_over(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        ends = lab.now + timedelta(hours=24)
        assert await lab.webhooks.rotate(endpoint, secret=NEW_SECRET, retires_at=ends, now=lab.now)
        await lab.happened("1", 1)
        await lab.send()
        assert [verified(lab.receiver.asked[0], secret) for secret in (SECRET, NEW_SECRET)] == [True, True]
        assert (await lab.shown(endpoint)).secrets == 2
        lab.later(hours=24)
        await lab.happened("1", 2)
        await lab.send()
        assert [verified(lab.receiver.asked[1], secret) for secret in (SECRET, NEW_SECRET)] == [False, True]
        await lab.queue.forget(before=START, now=lab.now, limit=10)
        assert await lab.rows("select secret from webhook_secrets") == [{"secret": NEW_SECRET}]


async def test_a_third_secret_ends_the_first(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        for secret in (NEW_SECRET, bytes(32)):
            ends = lab.now + timedelta(hours=24)
            await lab.webhooks.rotate(endpoint, secret=secret, retires_at=ends, now=lab.now)
        await lab.happened("1", 1)
        await lab.send()
        (asked,) = lab.receiver.asked
        assert [verified(asked, secret) for secret in (SECRET, NEW_SECRET, bytes(32))] == [False, True, True]


async def test_a_dispatch_that_is_over_can_be_sent_again_under_its_id(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        await lab.happened("1", 1)
        await lab.send()
        (row,) = await lab.log(endpoint)
        assert await lab.webhooks.again(endpoint, row.id, now=lab.now)
        assert await lab.send() == 1
        assert [asked.id for asked in lab.receiver.asked] == [str(event_id("1", 1))] * 2
        assert not await lab.webhooks.again(endpoint, row.id + 1, now=lab.now)


async def test_a_dispatch_that_waits_for_its_next_try_can_have_it_now(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.answers["/hook"] = answer(500)
        await lab.happened("1", 1)
        await lab.send()
        lab.receiver.answers.clear()
        assert await lab.webhooks.again(endpoint, (await lab.log(endpoint))[0].id, now=lab.now)
        assert await lab.send() == 1
        assert await lab.states(endpoint) == ["delivered"]


async def test_a_test_is_tried_once_and_says_how_it_went(database: str) -> None:
    async with webhook_lab(database) as lab:
        endpoint = await lab.endpoint()
        lab.receiver.answers["/hook"] = answer(404)
        first = await lab.webhooks.test(endpoint, event_id=event_id("", 1), event="{}", now=lab.now)
        await lab.send()
        lab.receiver.answers.clear()
        second = await lab.webhooks.test(endpoint, event_id=event_id("", 2), event="{}", now=lab.now)
        lab.later(seconds=1)
        await lab.send()
        assert [(row.id, row.state) for row in await lab.log(endpoint)] == [(first, "failed"), (second, "delivered")]
        await lab.pause(endpoint)
        assert await lab.webhooks.test(endpoint, event_id=event_id("", 3), event="{}", now=lab.now) is None


async def test_there_may_be_so_many_endpoints_and_no_more(database: str) -> None:
    async with webhook_lab(database) as lab:
        await lab.rows(
            "insert into webhook_endpoints (url, created_at) select 'https://a.example/', now() "
            "from generate_series(1, %s) returning 1",
            MOST,
        )
        with pytest.raises(TooManyEndpointsError):
            await lab.endpoint()


async def test_an_endpoint_of_hidden_accounts_is_as_if_it_were_not_there(database: str) -> None:
    async with webhook_lab(database) as lab:
        every = await lab.endpoint()
        sales = await lab.endpoint(accounts=["sales"])
        both = await lab.endpoint(accounts=["sales", "support"])
        seen = await lab.webhooks.all(seen={"sales"}, now=lab.now)
        assert [one.id for one in seen] == [sales]
        for hidden in (every, both):
            assert await lab.webhooks.find(hidden, seen={"sales"}, now=lab.now) is None
        assert await lab.webhooks.set_state(sales, EndpointState.PAUSED, reason="", now=lab.now)
