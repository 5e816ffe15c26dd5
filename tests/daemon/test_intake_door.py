"""The HTTP door: what a platform hears, and when."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from intake_door import SECRET, Bench, api, clock, message, signed
from pydantic import SecretStr

from connectors.api.channel import ApiConnector
from connectors.api.settings import ApiAccountSettings
from connectors.base import Answer, Delivery, LaterError, Normalized
from schemas.message import Kind

PATH = "/in/api/erp"


async def test_yes_is_said_after_the_store_alone() -> None:
    """C40."""
    bench = Bench(connectors={"erp": api("erp")})
    bench.sink.open.clear()
    async with bench.served():
        asking = asyncio.create_task(asyncio.to_thread(bench.post, PATH, message(1), signed(message(1))))
        await bench.sink.entered.wait()
        await asyncio.sleep(0.1)
        assert not asking.done()
        bench.sink.open.set()
        assert (await asking).status == 202
    assert [one.text.content for one in bench.sink.messages] == ["number 1"]


@pytest.mark.parametrize("failing", ["sink", "blobs", "door"])
async def test_trouble_of_ours_is_later_and_never_an_error(failing: str) -> None:
    """C40."""
    bench = Bench(connectors={"erp": api("erp")})
    if failing == "sink":
        bench.sink.error = LaterError("the bus is down")
    elif failing == "blobs":
        bench.blobs.error = OSError(28, "no space")
    else:
        bench.door.reason = "the disk is full"
    async with bench.served():
        answer = await asyncio.to_thread(bench.post, PATH, message(1), signed(message(1)))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert not bench.sink.messages


async def test_what_is_refused_leaves_a_count_alone() -> None:
    """C41."""
    bench = Bench(connectors={"erp": api("erp")})
    body = message(1)
    old = signed(body, at=lambda: clock() - timedelta(minutes=6))
    async with bench.served():
        for headers in ({}, old, {**signed(body), "webhook-id": "other"}):
            answer = await asyncio.to_thread(bench.post, PATH, body, headers)
            assert (answer.status, answer.headers["content-length"]) == (401, "8")
    assert bench.refused == [("erp", "forged")] * 3
    assert not bench.sink.messages
    assert not bench.blobs.puts


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/in/api/nobody", 404),
        ("POST", "/in/api/erp/", 404),
        ("POST", "/in/mail/erp", 404),
        ("POST", "/in/api/../api/erp", 404),
        ("POST", "/in/", 404),
        ("POST", "/", 404),
        ("GET", "/in/api/erp", 405),
        ("GET", "/metrics", 404),
    ],
)
async def test_other_paths_and_methods_are_no_door(method: str, path: str, status: int) -> None:
    """C41."""
    bench = Bench(connectors={"erp": api("erp")})
    async with bench.served():
        assert (await asyncio.to_thread(bench.post, path, b"{}", {}, method)).status == status


async def test_a_body_over_one_mebibyte_is_too_large_whatever_its_length_says() -> None:
    """C41."""
    bench = Bench(connectors={"erp": api("erp")})
    large = b"x" * (1024 * 1024 + 1)
    chunked = b"POST /in/api/erp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    chunked += (
        b"".join(b"%s: %s\r\n" % (name.encode(), value.encode()) for name, value in signed(large).items()) + b"\r\n"
    )
    async with bench.served():
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(b"POST /in/api/erp HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"413"
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(chunked + b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large))
        assert (await reader.readline()).split()[1] == b"413"
        writer.close()
    assert not bench.blobs.puts


async def test_a_client_that_goes_away_stores_nothing_and_harms_nobody() -> None:
    """C41."""
    bench = Bench(connectors={"erp": api("erp")})
    async with bench.served():
        with socket.create_connection(("127.0.0.1", bench.port)) as client:
            client.sendall(b"POST /in/api/erp HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        assert (await asyncio.to_thread(bench.post, PATH, message(1), signed(message(1)))).status == 202
    assert len(bench.sink.messages) == 1


async def test_a_delivery_that_nobody_can_read_hears_yes_and_is_held() -> None:
    """C44: it would never get better."""
    bench = Bench(connectors={"erp": api("erp")})
    async with bench.served():
        assert (await asyncio.to_thread(bench.post, PATH, b"[" * 100_000, signed(b"[" * 100_000))).status == 202
    assert [one.kind for one in bench.sink.messages] == [Kind.UNDECODABLE]


async def test_a_flood_of_one_account_leaves_room_for_another() -> None:
    """C44."""
    bench = Bench(connectors={"erp": api("erp"), "shop": api("shop")}, most=2)
    delivery = Delivery(account=api("erp").account, raw=message(1), received_at=clock(), intake="webhook")
    bench.sink.open.clear()
    flood = [asyncio.create_task(bench.intakes["erp"].accept((replace(delivery, raw=message(n)),))) for n in range(2)]
    await bench.sink.entered.wait()
    with pytest.raises(LaterError):
        await bench.intakes["erp"].accept((delivery,))
    other = replace(delivery, account=api("shop").account)
    passing = asyncio.create_task(bench.intakes["shop"].accept((other,)))
    await asyncio.sleep(0)
    bench.sink.open.set()
    await asyncio.gather(*flood, passing)
    assert len(bench.sink.messages) == 3


async def test_deliveries_of_another_account_are_nobodys() -> None:
    """C3."""
    bench = Bench(connectors={"erp": api("erp"), "shop": api("shop")})
    delivery = Delivery(account=api("erp").account, raw=message(1), received_at=clock(), intake="webhook")
    with pytest.raises(ValueError, match="another account"):
        await bench.intakes["shop"].accept((delivery,))


class Broken(ApiConnector):
    """A channel with a fault of ours in every place."""

    def screen(self, headers: Mapping[str, str], *, at: datetime) -> None:
        del at
        if "x-screen" in headers:
            raise RuntimeError("secret words")

    def authenticate(self, delivery: Delivery) -> None:
        if delivery.raw == b"authenticate":
            raise RuntimeError("secret words")

    def handshake(self, delivery: Delivery) -> Answer | None:
        if delivery.raw == b"handshake":
            raise RuntimeError("secret words")
        return Answer(body=b"hello", headers={"x-one": "1"}) if delivery.raw == b"hello" else None

    def normalize(self, delivery: Delivery) -> Normalized:
        raise RuntimeError(f"secret words {len(delivery.raw)}")


async def test_a_fault_in_a_channel_is_later_or_held_and_never_yes_for_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """C44 and C26."""
    bench = Bench(
        connectors={
            "erp": Broken(
                account=api("erp").account, settings=ApiAccountSettings(channel="api", secret=SecretStr(SECRET))
            )
        }
    )
    async with bench.served():
        statuses = [
            (await asyncio.to_thread(bench.post, PATH, body, {"x-screen": "1"} if body == b"screen" else {})).status
            for body in (b"screen", b"authenticate", b"handshake", b"hello", b"normalize")
        ]
    assert statuses == [503, 503, 503, 200, 202]
    assert [one.kind for one in bench.sink.messages] == [Kind.UNDECODABLE]
    assert "secret words" not in "".join(capsys.readouterr())


async def test_a_large_delivery_is_read_in_a_thread() -> None:
    """C19."""
    bench = Bench(connectors={"erp": api("erp")})
    body = message(1, text="word " * 40_000)
    async with bench.served():
        assert (await asyncio.to_thread(bench.post, PATH, body, signed(body))).status == 202
    assert bench.sink.messages[0].text.overflow is not None
