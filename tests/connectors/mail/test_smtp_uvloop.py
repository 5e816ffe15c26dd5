"""The listener on uvloop: transports, TLS and cancelling differ from asyncio's."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from smtp_certificate import self_signed
from smtp_client import ENVELOPE, MAIL, Rig, listening

from connectors.mail.settings import SmtpSettings
from connectors.mail.smtp_tls import tls_context


async def over_plain_and_tls(rig: Rig) -> None:
    client = await rig.client()
    assert (await client.mail(MAIL * 5_000)).startswith("250")
    assert (await client.ask(b"STARTTLS\r\n")).startswith("220")
    await client.start_tls()
    assert (await client.mail(MAIL)).startswith("250")
    assert rig.stored == [MAIL * 5_000, MAIL]
    assert [delivery.tls for delivery in rig.deliveries] == [False, True]
    assert (await client.ask(b"QUIT\r\n")).startswith("221")
    await rig.quiet()


async def injection(rig: Rig) -> None:
    client = await rig.client()
    await client.ask(ENVELOPE[0])
    await client.ask(b"STARTTLS\r\n" + b"".join(ENVELOPE) + b"DATA\r\nx\r\n.\r\n")
    await client.start_tls()
    assert (await client.ask(b"NOOP\r\n")) == "250 2.0.0 Ok"
    assert rig.stored == []


async def gone_while_storing(rig: Rig) -> None:
    rig.sink.open.clear()
    client = await rig.client()
    await client.until_data()
    await client.send(MAIL + b".\r\n")
    await rig.sink.entered.wait()
    client.vanish()
    await asyncio.sleep(0.02)
    rig.sink.open.set()
    await rig.quiet()
    assert rig.stored == [MAIL]


async def half_closed(rig: Rig) -> None:
    client = await rig.client()
    await client.send(b"".join(ENVELOPE) + b"DATA\r\n" + MAIL + b".\r\n")
    client.writer.write_eof()
    assert [(await client.reply())[:3] for _ in range(5)] == ["250", "250", "250", "354", "250"]
    assert await client.closed()


async def stopped(rig: Rig) -> None:
    idle, busy = await rig.client(), await rig.client()
    await busy.until_data()
    await rig.smtp.stop(grace=0.2)
    assert (await idle.reply()).startswith("421")
    assert (await busy.reply()).startswith("451")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("scenario", [over_plain_and_tls, injection, gone_while_storing, half_closed, stopped])
def test_the_listener_works_on_uvloop(scenario: Callable[[Rig], Awaitable[None]], certificate: Path) -> None:
    async def run() -> None:
        async with listening(tls=tls_context(SmtpSettings(tls_cert=certificate))) as rig:
            await scenario(rig)

    uvloop.run(run())
