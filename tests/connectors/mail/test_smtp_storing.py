"""250 stands for a stored mail and nothing else; whatever fails on our side is 451; a mail is stored once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from intake_ports import MemoryBlobs, MemoryDoor, MemorySink, plain_undecodable
from smtp_client import ENVELOPE, MAIL, RawClient, Rig, listening

from connectors.base import Delivery, LaterError, Normalized
from connectors.intake import Intake
from schemas.message import Kind


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with listening() as rig:
        yield rig


@pytest.fixture
async def client(rig: Rig) -> RawClient:
    return await rig.client()


async def test_no_250_before_the_mail_is_stored(rig: Rig, client: RawClient) -> None:
    rig.sink.open.clear()
    await client.until_data()
    await client.send(MAIL + b".\r\n")
    await rig.sink.entered.wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.reader.readline(), 0.05)
    rig.sink.open.set()
    assert (await client.reply()).startswith("250")


@pytest.mark.parametrize(
    "error", [LaterError("the bus is down"), OSError(28, "disk full"), RuntimeError("a bug: secret"), KeyError("x")]
)
async def test_a_sink_that_fails_is_451_and_the_next_mail_goes_through(
    rig: Rig, client: RawClient, error: Exception
) -> None:
    rig.sink.error = error
    assert await client.mail(MAIL) == "451 4.3.0 Not stored; try again later"
    rig.sink.error = None
    assert (await client.mail(MAIL)).startswith("250")
    assert rig.stored == [MAIL]


async def test_blobs_that_fail_are_451_and_nothing_is_published(rig: Rig, client: RawClient) -> None:
    rig.blobs.error = OSError(28, "no space left")
    assert (await client.mail(MAIL)).startswith("451 4.3.0")
    assert rig.sink.calls == 0


async def test_a_closed_door_is_451_before_the_mail_is_sent(rig: Rig, client: RawClient) -> None:
    rig.door.reason = "the disk is nearly full"
    await client.ask(ENVELOPE[0])
    assert await client.ask(ENVELOPE[1]) == "451 4.3.2 Taking no mail now; try again later"
    rig.door.reason = ""
    assert (await client.mail(MAIL)).startswith("250")


async def test_a_door_that_closes_during_data_is_451(rig: Rig, client: RawClient) -> None:
    await client.until_data()
    rig.door.reason = "stopping"
    assert (await client.ask(MAIL + b".\r\n")).startswith("451")
    assert rig.stored == []


async def test_a_parser_that_explodes_does_not_block_the_mailbox() -> None:
    async def explode(_delivery: Delivery) -> Normalized:
        raise RecursionError

    blobs, sink = MemoryBlobs(), MemorySink()
    intake = Intake(normalize=explode, undecodable=plain_undecodable, blobs=blobs, sink=sink, door=MemoryDoor())
    async with listening(intake=intake) as rig:
        client = await rig.client()
        assert (await client.mail(MAIL)).startswith("250")
    [message] = sink.messages
    assert (message.kind, message.problem) == (Kind.UNDECODABLE, "parser failed")
    assert blobs.contents[message.raw.sha256] == MAIL


@pytest.mark.parametrize("part", [b"", b"Subject: half", MAIL, MAIL + b".", MAIL + b".\r"])
async def test_a_client_that_is_gone_in_the_middle_of_data_leaves_nothing(
    rig: Rig, client: RawClient, part: bytes
) -> None:
    await client.until_data()
    await client.send(part)
    await asyncio.sleep(0.01)
    client.vanish()
    await rig.quiet()
    assert rig.deliveries == []
    assert rig.memory_used == 0


async def test_a_client_that_closes_its_half_in_the_middle_of_data_leaves_nothing(rig: Rig, client: RawClient) -> None:
    await client.until_data()
    await client.send(MAIL)
    client.writer.write_eof()
    await rig.quiet()
    assert rig.deliveries == []


@pytest.mark.parametrize("how", ["abort", "half"])
async def test_a_client_that_is_gone_while_we_store_has_its_mail_stored_once(
    rig: Rig, client: RawClient, how: str
) -> None:
    rig.sink.open.clear()
    await client.until_data()
    await client.send(MAIL + b".\r\n")
    await rig.sink.entered.wait()
    client.vanish() if how == "abort" else client.writer.write_eof()
    await asyncio.sleep(0.02)
    rig.sink.open.set()
    await rig.quiet()
    assert rig.stored == [MAIL]
    assert rig.sink.calls == 1
    assert rig.memory_used == 0


async def test_a_client_that_is_gone_right_after_the_final_dot_has_its_mail_stored_once(
    rig: Rig, client: RawClient
) -> None:
    await client.until_data()
    await client.send(MAIL + b".\r\n")
    client.writer.close()
    await rig.quiet()
    assert rig.stored == [MAIL]


async def test_stopping_answers_421_to_idle_sessions_and_takes_no_new_ones(rig: Rig, client: RawClient) -> None:
    await client.ask(ENVELOPE[0])
    address = rig.smtp.address
    await rig.smtp.stop(grace=1.0)
    assert (await client.reply()).startswith("421 4.3.2")
    assert await client.closed()
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection(*address)
    await rig.smtp.stop(grace=1.0)


async def test_stopping_lets_a_mail_in_flight_end(rig: Rig, client: RawClient) -> None:
    await client.until_data()
    stopping = asyncio.create_task(rig.smtp.stop(grace=2.0))
    await asyncio.sleep(0.01)
    assert (await client.ask(MAIL + b".\r\n")).startswith("250")
    assert (await client.reply()).startswith("421 4.3.2")
    await stopping
    assert rig.stored == [MAIL]


async def test_a_mail_that_does_not_end_within_the_grace_is_told_451(rig: Rig, client: RawClient) -> None:
    await client.until_data()
    began = asyncio.get_running_loop().time()
    await rig.smtp.stop(grace=0.2)
    assert asyncio.get_running_loop().time() - began < 0.5
    assert (await client.reply()).startswith("451 4.3.2")
    assert await client.closed()


async def test_a_store_that_outlasts_the_grace_is_told_451_and_still_finished(rig: Rig, client: RawClient) -> None:
    rig.sink.open.clear()
    await client.until_data()
    await client.send(MAIL + b".\r\n")
    await rig.sink.entered.wait()
    await rig.smtp.stop(grace=0.1)
    assert (await client.reply()).startswith("451 4.3.2")
    rig.sink.open.set()
    await rig.intake.drain(1.0)
    assert rig.stored == [MAIL]


async def test_a_client_that_never_reads_cannot_hold_up_the_stop() -> None:
    async with listening(max_commands=10**9) as rig:
        client = await rig.client()
        client.stop_reading()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.send(b"HELP\r\n" * 2_000_000), 0.2)
        began = asyncio.get_running_loop().time()
        await rig.smtp.stop(grace=0.2)
        assert asyncio.get_running_loop().time() - began < 1
        await rig.quiet()
        client.vanish()


async def test_a_connection_that_was_accepted_while_the_port_closed_is_told_421(rig: Rig) -> None:
    rig.smtp.shared.gate.shut = True
    client = await rig.connect()
    assert (await client.reply()).startswith("421 4.3.2")
    assert await client.closed()


async def test_a_stopped_listener_can_be_started_again(rig: Rig) -> None:
    await rig.smtp.stop(grace=0.1)
    await rig.smtp.start()
    assert (await (await rig.client()).mail(MAIL)).startswith("250")
