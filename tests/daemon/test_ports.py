"""A start whose port is taken ends at once, in plain words; after a kill it waits for those that are leaving."""

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_channels import SECRET
from running_daemon import RunningDaemon

from daemon.errors import UserError
from daemon.one_daemon import only_one
from daemon.ports import Port, check_ports, ports_of
from daemon.settings_load import load
from doubles.ports import free_port


@pytest.fixture
def taken() -> Iterator[Port]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield Port("smtp.port", "127.0.0.1", held.getsockname()[1])


def free() -> Port:
    return Port("http.port", "127.0.0.1", free_port())


async def test_every_taken_port_is_named_with_what_to_do_and_the_free_ones_are_not(taken: Port) -> None:
    with pytest.raises(UserError) as refused:
        await check_ports([free(), taken, taken._replace(key="api.port")], patience=0, stop=asyncio.Event())
    first, second = str(refused.value).splitlines()
    assert first == (
        f"smtp.port: 127.0.0.1:{taken.port} is taken by another program, perhaps another daemon: stop that one "
        f"(`ss -ltnp sport = :{taken.port}` shows which), or set another port (smtp.port, or SWITCHBOARD_SMTP__PORT)"
    )
    assert second.startswith("api.port: ")
    assert refused.value.code == 3


async def test_free_ports_stay_free() -> None:
    port = free()
    for _ in range(2):
        await check_ports([port], patience=0, stop=asyncio.Event())


async def test_a_port_that_comes_free_in_time_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as leaving:
        port = Port("smtp.port", "127.0.0.1", leaving.getsockname()[1])
        waiting = asyncio.create_task(check_ports([port], patience=20, stop=asyncio.Event()))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    await waiting


async def test_who_is_told_to_stop_waits_for_no_port(taken: Port) -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(check_ports([taken], patience=3600, stop=stop))
    await asyncio.sleep(0.2)
    stop.set()
    await asyncio.wait_for(waiting, 10)


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
async def test_an_address_that_is_not_there_yet_keeps_nothing_else_from_starting(host: str) -> None:
    await check_ports([Port("smtp.port", host, free_port())], patience=0, stop=asyncio.Event())


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this machine has no IPv6")
async def test_all_addresses_of_ipv6_are_those_of_ipv4_too_for_http_and_not_for_smtp(taken: Port) -> None:
    with pytest.raises(UserError, match="is taken"):
        await check_ports([taken._replace(key="api.port", host="::")], patience=0, stop=asyncio.Event())
    await check_ports([taken._replace(key="smtp.port", host="::")], patience=0, stop=asyncio.Event())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EACCES, "Permission denied"), "may not be opened by this user: give it CAP_NET_BIND_SERVICE"),
        (OSError(errno.EADDRNOTAVAIL, "no"), "is no address of this machine: set intake.host to one that is"),
        (socket.gaierror(socket.EAI_NONAME, "no"), "is no address of this machine: set intake.host to one that is"),
        (OSError(errno.ENOBUFS, "No buffer space"), "cannot be listened on (No buffer space)"),
    ],
)
def test_other_reasons_are_told_as_what_they_are(error: OSError, words: str) -> None:
    assert words in Port("intake.port", "10.0.0.1", 25).refusal(error)


async def test_only_what_will_be_opened_is_tried(tmp_path: Path) -> None:
    erp = {"SWITCHBOARD_ACCOUNTS__ERP__CHANNEL": "api", "SWITCHBOARD_ACCOUNTS__ERP__SECRET": SECRET}
    called = load(None, {**erp, "SWITCHBOARD_API__PORT": "0"}, tmp_path).settings
    assert [port.key for port in await ports_of(called, ["ingest", "console"])] == ["http.port", "intake.port"]
    mail = load(None, {}, tmp_path).settings
    assert [port.key for port in await ports_of(mail, ["ingest", "console"])] == ["http.port", "smtp.port", "api.port"]
    assert [port.key for port in await ports_of(mail, ["route"])] == ["http.port"]


async def test_a_daemon_that_was_killed_is_told_from_one_that_ended_in_order(tmp_path: Path) -> None:
    lock = tmp_path / "daemon.lock"
    async with only_one(tmp_path) as was_killed:
        assert not was_killed
        assert lock.read_text() == f"{os.getpid()}\n"
    async with only_one(tmp_path) as was_killed:
        assert not was_killed
    lock.write_text("4711\n")
    async with only_one(tmp_path) as was_killed:
        assert was_killed


def test_a_start_on_a_taken_port_ends_with_one_sentence_and_starts_nothing(tmp_path: Path, taken: Port) -> None:
    daemon = RunningDaemon(folder=tmp_path, ports=(taken.port, free_port(), free_port()))
    refused = daemon.cli("run", check=False)
    assert refused.returncode == 3
    (said,) = [line for line in refused.stderr.splitlines() if "taken" in line]
    assert said.startswith(f"switchboard: smtp.port: 127.0.0.1:{taken.port} is taken by another program")
    assert "child" not in refused.stderr
    assert not (tmp_path / "var" / "postgres").exists()
