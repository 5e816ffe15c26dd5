"""Posts to servers that strangers may have named, against every trick that leads elsewhere or holds up."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from smtp_certificate import COMMAND

from connectors.posting import BODY_BYTES, Posted, Poster
from connectors.posting_guard import ForbiddenUrlError, Origin, Reach, origin_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOST = "hooks.example.org"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def now() -> datetime:
    return NOON


@asynccontextmanager
async def server(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    yield listening.sockets[0].getsockname()[1]
    listening.close()


def saying(*pieces: bytes, pause: float = 0.0, endless: bytes = b"") -> Serve:
    """A server that says these pieces one after another; `endless` is said until the other side has gone."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            while endless:
                writer.write(endless)
                await writer.drain()
                await asyncio.sleep(pause)
        except ConnectionError:
            pass
        finally:
            writer.close()

    return serve


async def ask(serve: Serve, *, seconds: float = 5) -> Posted:
    async with server(serve) as port:
        poster = Poster(reach=Reach.of([f"http://127.0.0.1:{port}"], []), clock=now, seconds=seconds)
        return await poster.post(f"http://127.0.0.1:{port}/hook?key=hidden", {"webhook-id": "1"}, b"{}")


async def test_an_answers_status_and_words_come_back() -> None:
    found = await ask(saying(b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nlate"))
    assert found == Posted(status=503, body="late", after=timedelta(seconds=7))


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Mon, 02 Mar 2026 12:02:00 GMT", timedelta(minutes=2)),
        ("Mon, 02 Mar 2026 11:00:00 GMT", timedelta()),
        ("99999999999999999999", timedelta(seconds=999999999)),
        ("-5", None),
        ("soon", None),
        ("١٢", None),
    ],
)
async def test_a_receiver_says_when_to_come_again_in_seconds_or_as_a_date(text: str, after: timedelta | None) -> None:
    head = f"HTTP/1.1 429 Busy\r\nretry-after: {text}\r\ncontent-length: 0\r\n\r\n"
    assert (await ask(saying(head.encode()))).after == after


async def test_of_a_huge_answer_the_beginning_is_read_and_its_status_counts() -> None:
    found = await ask(saying(b"HTTP/1.1 200 OK\r\n\r\n", endless=b"x" * 65536))
    assert (found.status, found.problem, found.body) == (200, "", "x" * BODY_BYTES)


async def test_an_answer_that_drips_is_accepted_by_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.posting.BODY_SECONDS", 0.1)
    found = await ask(saying(b"HTTP/1.1 200 OK\r\n\r\n", endless=b"x", pause=0.02))
    assert found.status == 200
    assert 0 < len(found.body) < 20


@pytest.mark.parametrize(
    "serve",
    [
        saying(endless=b"H", pause=0.02),
        saying(b"HTTP/1.1 200 OK\r\n", endless=b"x-a: b\r\n", pause=0.02),
        saying(endless=b"HTTP/1.1 103 Early\r\n\r\n", pause=0.02),
        saying(pause=5),
    ],
    ids=["status", "headers", "hints", "silence"],
)
async def test_a_server_that_never_comes_to_an_answer_holds_nobody_up(serve: Serve) -> None:
    found = await ask(serve, seconds=0.3)
    assert found.status is None
    assert "0.3 s" in found.problem or "RemoteProtocolError" in found.problem


@pytest.mark.parametrize(
    "said",
    [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000],
)
async def test_what_is_no_answer_is_a_problem_with_a_name(said: bytes) -> None:
    found = await ask(saying(said))
    assert (found.status, found.problem) == (None, "its server could not be asked: RemoteProtocolError")


async def test_the_words_of_an_answer_can_be_stored_and_shown() -> None:
    found = await ask(saying(b"HTTP/1.1 500 No\r\ncontent-length: 12\r\n\r\na\x00\x1b[31m\xff\xfe\n\xc3\xbc"))
    assert found.body == "a\ufffd\ufffd[31m\ufffd\ufffd\n\xfc"


async def test_a_redirect_is_told_and_not_followed() -> None:
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await saying(b"HTTP/1.1 307 There\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n")(reader, writer)

    found = await ask(serve)
    assert (found.status, found.problem, asked) == (307, "it sends us elsewhere (307), where we do not go", 1)


async def test_a_server_that_does_not_listen_is_told() -> None:
    async with server(saying()) as port:
        pass
    poster = Poster(reach=Reach.of([f"http://127.0.0.1:{port}"], []), clock=now)
    found = await poster.post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert found == Posted(status=None, problem="its server refuses connections")


def looking(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def lookup(host: str, port: int) -> Sequence[str]:
        assert (host, port) == (HOST, 443)
        return addresses

    return lookup


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%eth0"],
        ["100.100.100.200"],
        ["0.0.0.0"],  # noqa: S104 - an address to be refused
    ],
)
async def test_a_name_that_leads_inside_is_not_dialled(addresses: list[str]) -> None:
    poster = Poster(reach=Reach(), clock=now, lookup=looking(*addresses))
    found = await poster.post(f"https://{HOST}/", {}, b"{}")
    problem = "its host has an address that may not be dialled: webhooks.allow_networks can allow it"
    assert found == Posted(status=None, problem=problem)


async def test_a_name_that_is_not_found_is_told() -> None:
    assert (await Poster(reach=Reach(), clock=now, lookup=looking()).post(f"https://{HOST}/", {}, b"")).problem == (
        "its host is not found now"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/", f"https://{HOST}:8443/", "https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/",
        "https://[::1]/", "https://localhost/", f"https://{HOST}./", f"https://user@{HOST}/", f"https://{HOST}\\@a.example/",
        f"https://{HOST}/a b", f"https://{HOST}/\r\nx: y", f"https://{HOST}/#a", f"//{HOST}/", f"https:{HOST}/", "https:///",
        "ftp://a.example/", "file:///etc/passwd", "", "https://[", f"https://{HOST}/{'a' * 3000}", f"https://{HOST}:99999/",
        "https://169.254.169.254/latest/meta-data", "https://h\u043eoks.example.org/",
    ],
)  # fmt: skip
def test_a_url_that_is_not_plainly_on_the_internet_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ForbiddenUrlError) as refused:
        Reach().target(url)
    assert HOST not in str(refused.value)


def test_servers_that_the_settings_name_may_be_asked_and_no_others() -> None:
    reach = Reach.of(["desk.internal:8443", "http://10.0.0.5:8080", "[::1]:9000"], ["10.1.0.0/16"])
    assert reach.target("https://DESK.internal:8443/a?b") == Origin("https", "desk.internal", 8443)
    assert reach.target("http://10.0.0.5:8080/") == Origin("http", "10.0.0.5", 8080)
    assert reach.target("https://[0:0::1]:9000/") == Origin("https", "::1", 9000)
    for url in (
        "http://desk.internal:8443/",
        "https://desk.internal:8444/",
        "https://10.0.0.5:8080/",
        "https://[::2]:9000/",
    ):
        with pytest.raises(ForbiddenUrlError):
            reach.target(url)


@pytest.mark.parametrize(
    ("origin", "address", "may"),
    [
        ("desk.internal:8443", "10.0.0.9", True),
        ("desk.internal:8443", "127.0.0.1", True),
        ("desk.internal:8443", "::1", True),
        ("desk.internal:8443", "fd12::1", True),
        ("desk.internal:8443", "169.254.169.254", False),
        ("desk.internal:8443", "fd00:ec2::254", False),
        ("desk.internal:8443", "fe80::1", False),
        ("desk.internal:8443", "0.0.0.0", False),  # noqa: S104 - an address to be refused
        ("desk.internal:8443", "224.0.0.1", False),
        ("desk.internal:8443", "::ffff:169.254.169.254", False),
        ("other.internal:443", "10.1.2.3", True),
        ("other.internal:443", "10.2.2.3", False),
        ("other.internal:443", "127.0.0.1", False),
        ("other.internal:443", "93.184.215.14", True),
    ],
)
def test_what_may_be_dialled_depends_on_what_the_settings_name(origin: str, address: str, may: bool) -> None:  # noqa: FBT001 - a table's column
    reach = Reach.of(["desk.internal:8443"], ["10.1.0.0/16"])
    assert reach.may_dial(origin_of(origin))(ip_address(address)) is may


def test_even_a_network_of_everything_leads_to_no_clouds_secrets() -> None:
    reach = Reach.of([], ["0.0.0.0/0", "::/0"])
    may = reach.may_dial(origin_of(f"{HOST}:443"))
    refused = ("169.254.169.254", "168.63.129.16", "fd00:ec2::254", "100.100.100.200")
    assert [may(ip_address(text)) for text in ("10.0.0.1", *refused)] == [True, False, False, False, False]


@pytest.mark.parametrize(
    "text", ["desk", "desk:0", "desk:99999", "ftp://desk:21", "https://desk:1/", "a b:1", ":1", "[zz]:1"]
)
def test_a_server_in_the_settings_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        Reach.of([text], [])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    made = subprocess.run(
        [*COMMAND.split(), "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", "-", "-out", "-"],
        check=True, capture_output=True, timeout=20,
    )  # fmt: skip
    file.write_bytes(made.stdout)
    return file


@pytest.mark.parametrize("trusted", [True, False])
async def test_the_name_of_a_certificate_is_checked_against_the_url(*, certificate: Path, trusted: bool) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)

    async def lookup(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"] if port else [host]

    async with server(saying(b"HTTP/1.1 204 Fine\r\n\r\n"), tls) as port:
        known = ssl.create_default_context(cafile=str(certificate))
        name = HOST if trusted else "other.example.org"
        reach = Reach.of([f"{name}:{port}"], [])
        found = await Poster(reach=reach, clock=now, tls=known, lookup=lookup).post(
            f"https://{name}:{port}/", {}, b"{}"
        )
    if trusted:
        assert found == Posted(status=204)
    else:
        assert found.status is None
        assert found.problem.startswith("its certificate is not to be trusted: Hostname mismatch")
