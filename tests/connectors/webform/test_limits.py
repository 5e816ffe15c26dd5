"""How often: what counts against an address, a link and a dialogue of a form, and what does not."""

import pytest
from form_lab import CLIENT, form_lab

from connectors import page_http
from connectors.base import LaterError
from connectors.page_limits import Recent, StoredBytes

pytestmark = pytest.mark.postgres
OTHER = CLIENT[::-1]


def test_what_came_within_the_hour_is_remembered_and_no_more_than_so_much() -> None:
    recent = Recent(seconds=3600, most=2)
    recent.add("a", at=0)
    recent.add("a", at=3000)
    assert recent.has("a", at=3599)
    assert not recent.has("a", at=3600)
    recent.add("a", at=3600)
    assert recent.has("a", at=3600)
    recent.add("b", at=3601)
    recent.add("c", at=3602)
    assert [recent.has(key, at=3602) for key in "abc"] == [False, True, True]


async def test_one_address_sends_so_many_requests_an_hour(database: str) -> None:
    async with form_lab(database, requests_per_hour_address=2) as lab:
        stamp = await lab.start(await lab.link())
        statuses = [(await lab.send(stamp, text=f"{number}")).status_code for number in range(3)]
        assert statuses == [202, 202, 429]
        assert ("contact", "rate") in lab.bench.refused


async def test_one_link_takes_so_many_requests_an_hour_and_others_go_on(database: str) -> None:
    async with form_lab(database, requests_per_hour_link=1, behind_proxy=True) as lab:
        busy, calm = await lab.start(await lab.link()), await lab.start(await lab.link())
        answers = [
            await lab.call(
                "send", {"name": "Ana", "text": f"{number}"}, token=stamp, x_forwarded_for=f"203.0.113.{number}"
            )
            for number, stamp in enumerate((busy, busy, calm))
        ]
        assert [answer.status_code for answer in answers] == [202, 429, 202]
        assert int(answers[1].headers["retry-after"]) > 60


async def test_all_addresses_of_one_network_of_the_new_kind_are_one_caller(database: str) -> None:
    async with form_lab(database, requests_per_hour_address=2, behind_proxy=True) as lab:
        stamp = await lab.start(await lab.link())
        networks = ("2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:9::3", "2001:db8:1:3::1", "::ffff:192.0.2.1")
        statuses = [
            (
                await lab.call("send", {"name": "Ana", "text": f"{number}"}, token=stamp, x_forwarded_for=address)
            ).status_code
            for number, address in enumerate(networks)
        ]
        assert statuses == [202, 202, 429, 202, 202]


async def test_a_dialogue_takes_so_many_messages_a_minute(database: str) -> None:
    async with form_lab(database, messages_per_minute=5) as lab:
        token = await lab.begun(await lab.link())
        statuses = [
            (await lab.call("say", {"id": f"m{number}", "text": "x"}, token=token)).status_code for number in range(6)
        ]
        assert statuses == [202] * 5 + [429]


async def test_tries_while_the_bus_is_down_use_up_nothing(database: str) -> None:
    async with form_lab(database, requests_per_hour_address=1, requests_per_hour_link=1) as lab:
        stamp = await lab.start(await lab.link())
        lab.bench.sink.error = LaterError("the bus is down")
        assert {(await lab.send(stamp)).status_code for _ in range(20)} == {503}
        lab.bench.sink.error = None
        statuses = [(await lab.send(stamp, text=text)).status_code for text in ("It stops", "It smokes")]
        assert statuses == [202, 429]


async def test_messages_of_a_dialogue_that_were_not_stored_do_not_count(database: str) -> None:
    async with form_lab(database, messages_per_minute=5) as lab:
        token = await lab.begun(await lab.link())
        lab.bench.sink.error = LaterError("the bus is down")
        said = {"id": "m1", "text": "It stops"}
        assert {(await lab.call("say", said, token=token)).status_code for _ in range(20)} == {503}
        lab.bench.sink.error = None
        assert (await lab.call("say", said, token=token)).status_code == 202


async def test_the_same_request_again_counts_against_its_dialogue_alone(database: str) -> None:
    async with form_lab(database, requests_per_hour_address=2, requests_per_hour_link=2, messages_per_minute=5) as lab:
        link = await lab.link()
        stamp = await lab.start(link)
        assert [(await lab.send(stamp)).status_code for _ in range(7)] == [202] * 6 + [429]
        other = await lab.start(link, OTHER)
        assert [(await lab.send(other, text=text)).status_code for text in "ab"] == [202, 429]


async def test_a_link_that_is_flooded_uses_up_no_address(database: str) -> None:
    async with form_lab(database, requests_per_hour_address=2, requests_per_hour_link=1) as lab:
        busy, calm = await lab.start(await lab.link()), await lab.start(await lab.link())
        assert [(await lab.send(busy, text=text)).status_code for text in "abcd"] == [202, 429, 429, 429]
        assert (await lab.send(calm)).status_code == 202


async def test_an_address_stores_so_many_bytes_an_hour_and_others_go_on(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_http, "BYTES_EACH", 25)
    async with form_lab(database) as lab:
        stamp = await lab.start(await lab.link())
        answers = [await lab.upload(b"x" * 10, token=stamp) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert answers[-1].json()["after"] > 600
        assert ("contact", "bytes") in lab.bench.refused


def test_bytes_are_counted_by_address_and_by_account() -> None:
    stored = StoredBytes(each=30, together=50)
    assert stored.take("a", 20, at=0) == 0
    assert stored.take("a", 20, at=0) == pytest.approx(3600 / 3)
    assert stored.take("b", 30, at=0) == 0
    assert stored.take("c", 10, at=0) == pytest.approx(3600 / 5)
    assert stored.take("c", 10, at=1000) == 0


def test_bytes_that_were_not_stored_are_given_back() -> None:
    stored = StoredBytes(each=30, together=50)
    assert stored.take("a", 30, at=0) == 0
    stored.give("a", 30)
    assert stored.take("a", 30, at=0) == 0
    assert stored.take("a", 31, at=10_000) > 0, "the account's share refuses what its address could have"
