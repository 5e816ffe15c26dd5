"""Limits on connections, commands, errors, time and memory, over real sockets."""

import asyncio
from pathlib import Path

import pytest
from smtp_client import MAIL, RawClient, listening

from connectors.mail.smtp_limits import ConnectionGate


async def test_connections_over_the_limit_get_421_until_one_closes() -> None:
    async with listening(max_connections=2) as rig:
        first, _second = await rig.client(), await rig.client()
        third = await rig.connect()
        assert (await third.reply()).startswith("421 4.7.0")
        assert await third.closed()
        await first.ask(b"QUIT\r\n")
        await first.closed()
        assert (await (await rig.connect()).reply()).startswith("220")


async def test_connections_of_one_peer_have_a_limit_of_their_own() -> None:
    async with listening(max_connections_per_peer=1) as rig:
        await rig.client()
        assert (await (await rig.connect()).reply()).startswith("421 4.7.0")
        assert rig.smtp.shared.gate.open == 1


def test_all_addresses_of_an_ipv6_network_are_one_peer_and_a_mapped_ipv4_address_is_that_one() -> None:
    gate = ConnectionGate(in_all=100, per_peer=2)
    peers = ("2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2::3", "2001:db8:1:3::1", "::ffff:192.0.2.1")
    assert [gate.enter(peer) for peer in peers] == [True, True, False, True, True]
    assert [gate.enter("192.0.2.1") for _ in range(2)] == [True, False]
    gate.leave("2001:db8:1:2::1")
    assert gate.enter("2001:db8:1:2::4")


async def test_too_many_commands_end_the_session() -> None:
    async with listening(max_commands=5) as rig:
        client = await rig.client()
        for _ in range(5):
            assert (await client.ask(b"NOOP\r\n")).startswith("250")
        assert (await client.reply()).startswith("421 4.7.0")
        assert await client.closed()


async def test_too_many_errors_end_the_session() -> None:
    async with listening(max_errors=3) as rig:
        client = await rig.client()
        assert [(await client.ask(b"NONSENSE\r\n"))[:3] for _ in range(4)] == ["500"] * 4
        assert (await client.reply()).startswith("421 4.7.0")
        assert await client.closed()


async def test_a_delivered_mail_forgives_errors() -> None:
    async with listening(max_errors=3) as rig:
        client = await rig.client()
        for _ in range(3):
            for _ in range(3):
                assert (await client.ask(b"NONSENSE\r\n")).startswith("500")
            assert (await client.mail(MAIL)).startswith("250")


async def test_a_silent_client_is_sent_away() -> None:
    async with listening(command_seconds=0.05) as rig:
        client = await rig.client()
        assert (await client.reply()).startswith("421 4.4.2")
        assert await client.closed()


async def test_a_command_that_drips_has_only_one_time_limit() -> None:
    async with listening(command_seconds=0.2) as rig:
        client = await rig.client()
        began = asyncio.get_running_loop().time()
        answer = asyncio.create_task(client.reply())
        while not answer.done():
            client.writer.write(b"N")
            await asyncio.sleep(0.02)
        assert (await answer).startswith("421 4.4.2")
        assert asyncio.get_running_loop().time() - began < 0.6


async def test_silence_in_data_is_counted_from_the_last_byte() -> None:
    async with listening(data_idle_seconds=0.15, command_seconds=5) as rig:
        client = await rig.client()
        await client.until_data()
        for _ in range(8):
            await client.send(b"x\r\n")
            await asyncio.sleep(0.04)  # 0.32 s in all: longer than the limit, with no silence as long
        assert (await client.ask(b".\r\n")).startswith("250")
        await client.until_data()
        await client.send(b"x\r\n")
        assert (await client.reply()).startswith("421 4.4.2")
        assert await client.closed()
        assert len(rig.stored) == 1


async def test_data_that_drips_for_ever_ends_at_the_total_limit() -> None:
    async with listening(data_idle_seconds=5, data_total_seconds=0.2) as rig:
        client = await rig.client()
        await client.until_data()
        answer = asyncio.create_task(client.reply())
        while not answer.done():
            client.writer.write(b"x")
            await asyncio.sleep(0.02)
        assert (await answer).startswith("421 4.4.2")
        await rig.quiet()
        assert rig.memory_used == 0


async def test_a_client_that_takes_no_replies_is_dropped() -> None:
    async with listening(command_seconds=0.15, max_commands=10**9) as rig:
        client = await rig.client()
        client.stop_reading()
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(client.send(b"HELP\r\n" * 2_000_000), 3)
        await rig.quiet()
        client.vanish()


async def send_slowly(client: RawClient, body: bytes) -> str:
    await client.until_data()
    for start in range(0, len(body), 40_000):
        await client.send(body[start : start + 40_000])
        await asyncio.sleep(0.001)
    return await client.ask(b"\r\n.\r\n")


async def test_bodies_over_the_common_memory_go_to_disk_and_come_back_whole(tmp_path: Path) -> None:
    limit = 300_000
    async with listening(max_mail_bytes=limit, data_memory_bytes=limit, spill_folder=tmp_path) as rig:
        clients = [await rig.client() for _ in range(12)]
        bodies = [bytes([65 + n]) * 200_000 for n in range(12)]
        sending = asyncio.gather(*map(send_slowly, clients, bodies))
        peak = spilled = 0
        while not sending.done():
            peak = max(peak, rig.memory_used)
            spilled = max(spilled, rig.smtp.shared.room.disk.used)
            assert list(tmp_path.iterdir()) == []  # nameless files
            await asyncio.sleep(0.001)
        assert {answer[:3] for answer in await sending} == {"250"}
        assert sorted(rig.stored) == [body + b"\r\n" for body in bodies]
        assert 0 < peak <= limit
        assert spilled > limit
        assert (rig.memory_used, rig.smtp.shared.room.disk.used) == (0, 0)


async def test_without_room_on_disk_the_answer_is_451_after_the_whole_mail() -> None:
    async with listening(max_mail_bytes=100_000, data_memory_bytes=100_000, spill_bytes=0) as rig:
        holder, other = await rig.client(), await rig.client()
        await holder.until_data()
        await holder.send(b"x" * 90_000)
        await rig.until_held(80_000)
        assert (await send_slowly(other, b"y" * 90_000)).startswith("451 4.3.1")
        assert (await holder.ask(b"\r\n.\r\n")).startswith("250")
        assert (await other.mail(MAIL)).startswith("250")


async def test_a_body_on_disk_that_gets_no_memory_in_time_is_451() -> None:
    async with listening(max_mail_bytes=100_000, data_memory_bytes=100_000, spill_wait_seconds=0.05) as rig:
        holder, other = await rig.client(), await rig.client()
        await holder.until_data()
        await holder.send(b"x" * 90_000)
        await rig.until_held(80_000)
        assert (await send_slowly(other, b"y" * 90_000)).startswith("451 4.3.1")
        assert (await holder.ask(b"\r\n.\r\n")).startswith("250")
        assert (rig.memory_used, rig.smtp.shared.room.disk.used) == (0, 0)


async def test_a_spill_folder_that_cannot_be_written_is_451(tmp_path: Path) -> None:
    folder = tmp_path / "spill"
    async with listening(max_mail_bytes=100_000, data_memory_bytes=100_000, spill_folder=folder) as rig:
        folder.rmdir()
        holder, other = await rig.client(), await rig.client()
        await holder.until_data()
        await holder.send(b"x" * 90_000)
        await rig.until_held(80_000)
        assert (await send_slowly(other, b"y" * 90_000)).startswith("451 4.3.1")
        assert (await holder.ask(b"\r\n.\r\n")).startswith("250")


async def test_what_a_client_pipelines_while_we_store_is_held_back_at_the_socket() -> None:
    async with listening() as rig:
        rig.sink.open.clear()
        client = await rig.client()
        await client.until_data()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.send(MAIL + b".\r\n" + b"NOOP\r\n" * 5_000_000), 0.3)
        [connection] = rig.smtp.shared.connections
        assert len(connection.inbox._buffer) <= 32 * 1024 + 256 * 1024
        client.vanish()
        rig.sink.open.set()
        await rig.quiet()
        assert rig.stored == [MAIL]


class Counts:
    def __init__(self) -> None:
        self.open = 0
        self.replies: list[str] = []

    def connection(self, change: int) -> None:
        self.open += change

    def reply(self, code: str) -> None:
        self.replies.append(code)


async def test_connections_and_replies_are_counted() -> None:
    counts = Counts()
    async with listening(meter=counts) as rig:
        client = await rig.client()
        assert counts.open == 1
        await client.mail(MAIL)
        await client.ask(b"QUIT\r\n")
        await rig.quiet()
    assert counts.open == 0
    assert counts.replies == ["220", "250", "250", "250", "354", "250", "221"]
