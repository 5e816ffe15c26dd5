"""The HTTP door holds bounded memory for those who proved nothing, however many they are and however they send."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from intake_door import Bench, api, message, signed

from connectors.base import Account, Connector
from connectors.telegram.channel import connect
from connectors.telegram.settings import TelegramSettings
from connectors.viber.channel import connect as connect_viber
from connectors.viber.settings import ViberAccountSettings
from daemon.body_budget import BodyBudget
from daemon.intake_body import TooSlowError, read_body

MIB = 1024 * 1024
HEAD = b"POST /in/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n"


@dataclass
class Caller(asyncio.Protocol):
    """Sends and never closes. `heard` is what came back, `over` says that we were shut out."""

    sends: list[bytes]
    heard: bytearray = field(default_factory=bytearray)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    drained: asyncio.Event = field(default_factory=asyncio.Event)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(0)
        for piece in self.sends:
            transport.write(memoryview(piece))
        if not transport.get_write_buffer_size():
            self.drained.set()

    def resume_writing(self) -> None:
        self.drained.set()

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.answered.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for event in (self.over, self.answered, self.drained):
            event.set()


@asynccontextmanager
async def callers(bench: Bench, count: int, *sends: bytes) -> AsyncIterator[list[Caller]]:
    """Open connections that all send the same."""
    loop = asyncio.get_running_loop()
    made = [
        (await loop.create_connection(lambda: Caller(list(sends)), "127.0.0.1", bench.port))[1] for _ in range(count)
    ]
    try:
        yield made
    finally:
        for caller in made:
            caller.transport.abort()
        await asyncio.gather(*(caller.over.wait() for caller in made))


def telegram(name: str = "bot") -> Connector:
    settings = TelegramSettings.model_validate(
        {
            "channel": "telegram",
            "token": "123456:invented-token-for-tests-alone-0000",
            "intake": "webhook",
            "webhook_secret": "invented_secret_for_tests",
        }
    )
    return connect(account=Account(name=name, channel="telegram", scope=name), settings=settings)


def viber() -> Connector:
    settings = ViberAccountSettings.model_validate(
        {"channel": "viber", "token": "4f0e0a9c1a2b3c4d-5e6f708192a3b4c5-d6e7f8091a2b3c4d", "sender_name": "Desk"}
    )
    return connect_viber(account=Account(name="vb", channel="viber", scope="vb"), settings=settings)


def unfinished(path: str, size: int) -> tuple[bytes, bytes]:
    """Give a request that may go on, of whose body the last octet is missing."""
    proof = b"".join(b"%s: %s\r\n" % (name.encode(), value.encode()) for name, value in signed(b"").items())
    return HEAD % (path.encode(), size, proof), b"x" * (size - 1)


def status(caller: Caller) -> bytes:
    return bytes(caller.heard[:12])


async def sent_or_shut(made: list[Caller]) -> None:
    """Wait until everybody has handed everything over, or was shut out."""
    await asyncio.gather(*(caller.drained.wait() for caller in made))


async def test_many_large_bodies_without_a_proof_never_stand_in_memory_together() -> None:
    """C47. Each sends all of a mebibyte but its last octet, so that nobody can be refused for what it sent."""
    bench = Bench(connectors={"erp": api("erp")})
    async with bench.served():
        tracemalloc.start()
        try:
            async with callers(bench, 100, *unfinished("api/erp", MIB)) as made:
                await sent_or_shut(made)
                _, peak = tracemalloc.get_traced_memory()
                answer = await asyncio.to_thread(bench.post, "/in/api/erp", message(1), signed(message(1)))
        finally:
            tracemalloc.stop()
    assert peak < 60 * MIB
    assert answer.status == 202, "who sends its body at once finds room"


async def test_a_crowd_that_calls_one_account_takes_no_room_from_another() -> None:
    """C44."""
    bench = Bench(
        connectors={"erp": api("erp"), "shop": api("shop")}, budget=BodyBudget(together=300_000, each=200_000)
    )
    async with bench.served(), callers(bench, 1, *unfinished("api/shop", 90_000)) as patient:
        await sent_or_shut(patient)
        async with callers(bench, 5, *unfinished("api/erp", 90_000)) as crowd:
            await asyncio.gather(*(caller.answered.wait() for caller in crowd[:3]))
            assert [status(caller) for caller in crowd] == [b"HTTP/1.1 503"] * 3 + [b""] * 2, "the oldest make room"
        assert not patient[0].heard
    assert bench.refused[:3] == [("erp", "crowded")] * 3


async def test_a_body_that_has_come_whole_is_not_dropped_for_another() -> None:
    """C40."""
    bench = Bench(connectors={"erp": api("erp")}, budget=BodyBudget(together=100_000, each=100_000))
    bench.sink.open.clear()
    body = message(1, text="x" * 60_000)
    async with bench.served():
        asking = asyncio.create_task(asyncio.to_thread(bench.post, "/in/api/erp", body, signed(body)))
        await bench.sink.entered.wait()
        assert (await asyncio.to_thread(bench.post, "/in/api/erp", body, signed(body))).status == 503
        bench.sink.open.set()
        assert (await asking).status == 202


@pytest.mark.parametrize(
    ("connector", "headers"),
    [
        (telegram(), b""),
        (telegram(), b"X-Telegram-Bot-Api-Secret-Token: another\r\n"),
        (api("erp"), b""),
        (api("erp"), b"webhook-timestamp: 1\r\nwebhook-signature: v1,x\r\n"),
        (viber(), b"X-Viber-Content-Signature: abc\r\n"),
    ],
)
async def test_what_the_headers_prove_wrong_is_refused_before_its_body_is_read(
    connector: Connector, headers: bytes
) -> None:
    """C47."""
    name = connector.account.name
    bench = Bench(connectors={name: connector})
    path = f"{connector.account.channel}/{name}".encode()
    async with bench.served(), callers(bench, 1, HEAD % (path, 1000, headers)) as made:
        await made[0].answered.wait()
    assert status(made[0]) == b"HTTP/1.1 401"
    assert bench.refused == [(name, "forged")]


async def test_while_nothing_is_taken_no_body_is_read() -> None:
    """C40."""
    bench = Bench(connectors={"erp": api("erp")})
    bench.door.reason = "the disk is full"
    async with bench.served(), callers(bench, 1, unfinished("api/erp", 1000)[0]) as made:
        await made[0].answered.wait()
    assert status(made[0]) == b"HTTP/1.1 503"


async def test_a_body_that_comes_by_drops_is_cut_off() -> None:
    """C47: neither a long pause nor many short ones keep a request open."""
    budget = BodyBudget()

    async def drop() -> dict[str, object]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def nothing() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    with budget.hold("erp") as held, pytest.raises(TooSlowError):
        await read_body(drop, budget=budget, held=held, seconds=0.1, between=5)
    with budget.hold("erp") as held, pytest.raises(TooSlowError):
        await read_body(nothing, budget=budget, held=held, seconds=5, between=0.02)


@pytest.mark.parametrize(
    "piece",
    [
        b"POST /in/api/erp HTTP/1.1\r\n" + b"X-One: " + b"x" * 70_000,
        b"POST /in/api/erp HTTP/1.1\r\n" + b"X-One: xxxxxxxx\r\n" * 7_000,
        b"POST /" + b"x" * 70_000,
        b"POST /in/nobody HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-One: " + b"x" * 270_000,
    ],
    ids=["one header", "many headers", "request line", "trailer"],
)
async def test_a_head_without_end_shuts_the_connection(piece: bytes) -> None:
    """C47."""
    bench = Bench(connectors={"erp": api("erp")})
    async with bench.served(), callers(bench, 1, piece, b"x" * 70_000) as made:
        await asyncio.wait_for(made[0].over.wait(), 10)


@pytest.mark.parametrize("piece", [b"", b"POST /in/api/erp HT", HEAD % (b"nobody/none", 1000, b"")])
async def test_who_does_not_go_on_is_shut_out(piece: bytes) -> None:
    """C47: at the start, in the middle of a head, and in a body that nobody reads any more."""
    bench = Bench(connectors={"erp": api("erp")}, head_seconds=0.05)
    async with bench.served(), callers(bench, 1, piece) as made:
        await asyncio.wait_for(made[0].over.wait(), 10)


async def test_who_comes_when_all_places_are_taken_takes_that_of_the_longest_quiet_one() -> None:
    """C44: connections that say nothing keep no platform out."""
    bench = Bench(connectors={"erp": api("erp")}, connections=3)
    async with bench.served(), callers(bench, 3) as quiet:
        assert (await asyncio.to_thread(bench.post, "/in/api/erp", message(1), signed(message(1)))).status == 202
        await quiet[0].over.wait()
        assert not quiet[1].over.is_set()


async def test_a_request_before_the_last_is_answered_ends_the_connection() -> None:
    """C47: nothing of it waits in memory."""
    bench = Bench(connectors={"erp": api("erp")})
    bench.sink.open.clear()
    body = message(1)
    proof = b"".join(b"%s: %s\r\n" % (name.encode(), value.encode()) for name, value in signed(body).items())
    request = HEAD % (b"api/erp", len(body), proof) + body
    async with bench.served(), callers(bench, 1, request) as made:
        await bench.sink.entered.wait()
        made[0].transport.write(request)
        await asyncio.wait_for(made[0].over.wait(), 10)
        bench.sink.open.set()
