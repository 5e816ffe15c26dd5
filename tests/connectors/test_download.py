"""The guarded downloader against every trick that would lead it somewhere else."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from smtp_certificate import COMMAND

from connectors.download import Bounds, Downloader, TooLargeError
from connectors.sending import Remote, SendFailedError, SendLaterError

HOST = "files.example.org"
HOSTS = (HOST, ".cdn.example.org")


@dataclass(kw_only=True)
class FileServer:
    """HTTPS on loopback that says what it is told to, and keeps what it was asked."""

    answer: bytes
    endless: bool = False
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(self.answer)
        try:
            while self.endless:
                writer.write(b"x" * 65536)
                await writer.drain()
            await writer.drain()
            writer.close()
        except ConnectionError:
            return


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    made = subprocess.run(
        [*COMMAND.split(), "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", "-", "-out", "-"],
        check=True, capture_output=True, timeout=20,
    )  # fmt: skip
    file.write_bytes(made.stdout)
    return file


@asynccontextmanager
async def serving(server: FileServer, certificate: Path) -> AsyncIterator[FileServer]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


class Names:
    """Answers names, each time with the next of its answers; keeps how often it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers[min(len(self.asked), len(self._answers)) - 1]


def ok(body: bytes, *headers: str) -> bytes:
    head = "\r\n".join(["HTTP/1.1 200 OK", *(headers or (f"Content-Length: {len(body)}",)), "", ""])
    return head.encode() + body


def remote() -> Remote:
    return Remote(url="https://files.example.org/a?secret=1", hosts=HOSTS, headers={"Authorization": "Bearer t"})


def downloader(server: FileServer, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Downloader:
    """One whose port 443 is the server's, for a test has no port 443."""
    trusted = ssl.create_default_context(cafile=str(certificate))
    found = Downloader(
        lookup=Names(["127.0.0.1"]),
        may_dial=lambda _: True,
        tls=trusted,
        bounds=Bounds(size=1000, silence=0.5, whole=3),
    )
    redirect_port(monkeypatch, server)
    return found


def redirect_port(monkeypatch: pytest.MonkeyPatch, server: FileServer) -> None:
    """Let the dialler's port 443 be that of the server: the operating system's part of a test."""
    import httpcore  # noqa: PLC0415 - only here

    dial = httpcore.AnyIOBackend.connect_tcp

    async def there(self: httpcore.AnyIOBackend, host: str, port: int, *more: object) -> httpcore.AsyncNetworkStream:
        return await dial(self, host, server.port if port == 443 else port, *more)  # type: ignore[arg-type]  # httpcore says what each is

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", there)


async def test_a_file_comes_whole_over_checked_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(FileServer(answer=ok(b"a picture")), certificate) as server:
        assert await downloader(server, certificate, monkeypatch).get(remote()) == b"a picture"
        (asked,) = server.asked
        assert asked.startswith("GET /a?secret=1 HTTP/1.1\r\n")
        assert ("Host: files.example.org" in asked, "Accept-Encoding: identity" in asked) == (True, True)


async def test_a_certificate_of_nobody_known_is_refused(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(FileServer(answer=ok(b"a picture")), certificate) as server:
        redirect_port(monkeypatch, server)
        with pytest.raises(SendLaterError):
            await Downloader(lookup=Names(["127.0.0.1"]), may_dial=lambda _: True).get(remote())
        assert server.asked == []


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:169.254.169.254"], ["fe80::1%eth0"], ["64:ff9b::7f00:1"]],
)
async def test_a_name_with_one_inner_address_among_others_is_not_dialled(
    answers: list[str], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(FileServer(answer=ok(b"a secret")), certificate) as server:
        redirect_port(monkeypatch, server)
        with pytest.raises(SendFailedError, match="not on the internet"):
            await Downloader(lookup=Names(answers)).get(remote())
        assert server.asked == []


async def test_a_name_server_that_answers_otherwise_the_second_time_is_not_asked_again(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with serving(FileServer(answer=ok(b"a picture")), certificate) as server:
        redirect_port(monkeypatch, server)
        trusted = ssl.create_default_context(cafile=str(certificate))
        found = Downloader(lookup=names, may_dial=lambda _: True, tls=trusted)
        assert await found.get(remote()) == b"a picture"
    assert names.asked == [(HOST, 443)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = f"HTTP/1.1 {status} Go\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".encode()
    async with serving(FileServer(answer=answer), certificate) as server:
        with pytest.raises(SendFailedError, match="elsewhere"):
            await downloader(server, certificate, monkeypatch).get(remote())
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "endless"),
    [
        (ok(b"", "Content-Length: 1001"), False), (ok(b"", "Content-Length: 99999999999999999999"), False),
        (ok(b"", "Connection: close"), True), (ok(b"fffff\r\n", "Transfer-Encoding: chunked"), True),
    ],
)  # fmt: skip
async def test_what_is_too_large_is_cut_off_whatever_it_announced(
    *, answer: bytes, endless: bool, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(FileServer(answer=answer, endless=endless), certificate) as server:
        with pytest.raises(TooLargeError):
            await downloader(server, certificate, monkeypatch).get(remote())


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, identity"])
async def test_nothing_is_unpacked(encoding: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ok(b"\x1f\x8b", "Content-Length: 2", f"Content-Encoding: {encoding}")
    async with serving(FileServer(answer=answer), certificate) as server:
        with pytest.raises(SendFailedError, match="encoding"):
            await downloader(server, certificate, monkeypatch).get(remote())


@pytest.mark.parametrize(
    "answer",
    [ok(b"short", "Content-Length: 500"), b"", b"not http at all\r\n\r\n", ok(b"zz\r\n", "Transfer-Encoding: chunked")],
)
async def test_what_ends_early_or_is_no_answer_is_tried_again(
    answer: bytes, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(FileServer(answer=answer), certificate) as server:
        with pytest.raises(SendLaterError) as later:
            await downloader(server, certificate, monkeypatch).get(remote())
        assert "secret" not in str(later.value)


async def test_a_server_that_says_nothing_is_left(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(FileServer):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            for _ in range(40):
                writer.write(b"x")
                await asyncio.sleep(0.4)

    async with serving(Silent(answer=b""), certificate) as server:
        began = asyncio.get_running_loop().time()
        with pytest.raises(SendLaterError):
            await downloader(server, certificate, monkeypatch).get(remote())
        assert asyncio.get_running_loop().time() - began < 4


@pytest.mark.parametrize(
    ("status", "later"), [(503, True), (429, True), (404, False), (410, False), (206, False), (401, False)]
)
async def test_other_answers_mean_later_or_never(
    *, status: int, later: bool, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = f"HTTP/1.1 {status} X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".encode()
    async with serving(FileServer(answer=answer), certificate) as server:
        with pytest.raises(SendLaterError if later else SendFailedError) as raised:
            await downloader(server, certificate, monkeypatch).get(remote())
        assert not later or vars(raised.value)["after"] == timedelta(seconds=7)
