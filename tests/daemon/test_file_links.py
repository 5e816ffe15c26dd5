"""Links to files that go out: one file each, for a while, and nothing else of the store."""

import asyncio
import http.client
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from daemon.file_door import LinkDoor
from daemon.file_links import FileLinks
from daemon.intake_app import IntakeApp
from daemon.web import WebServer
from doubles.ports import free_port
from ticket_store.blobs_local import LocalBlobStore

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DIGEST = sha256(b"a picture").hexdigest()
SECRET = bytes(range(32))
LINKS = FileLinks(secret=SECRET)
TOKEN = LINKS.token(DIGEST, "image/png", until=NOW + timedelta(hours=1))


def test_a_token_opens_its_file_until_it_expires() -> None:
    found = LINKS.opened(TOKEN, now=NOW)
    assert found is not None
    assert (found.sha256, found.content_type) == (DIGEST, "image/png")
    assert LINKS.opened(TOKEN, now=NOW + timedelta(hours=1)) is None


def test_every_changed_byte_of_a_token_opens_nothing() -> None:
    raw = urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert LINKS.opened(urlsafe_b64encode(changed).rstrip(b"=").decode(), now=NOW) is None


@pytest.mark.parametrize(
    "token",
    ["", "a", "=", "....", "../../etc/passwd", DIGEST, "é" * 40, "A" * 500, TOKEN + "=", TOKEN + "A", TOKEN[:-1]],
)
def test_what_is_no_token_opens_nothing(token: str) -> None:
    assert LINKS.opened(token, now=NOW) is None


def test_a_token_of_another_installation_opens_nothing() -> None:
    assert FileLinks(secret=bytes(32)).opened(TOKEN, now=NOW) is None


def test_a_type_that_a_browser_would_run_is_not_said() -> None:
    for kind in ("text/html", "image/svg+xml", "text/xml", "x\r\nset-cookie: a"):
        found = LINKS.opened(LINKS.token(DIGEST, kind, until=NOW + timedelta(hours=1)), now=NOW)
        assert found is not None
        assert found.content_type == "application/octet-stream"


@asynccontextmanager
async def serving(folder: Path, *, down: bool = False) -> AsyncIterator[int]:
    async def secret() -> bytes:
        if down:
            raise ConnectionError
        return SECRET

    blobs, port = LocalBlobStore(root=folder), free_port()
    await blobs.prepare(now=NOW)
    await blobs.put(b"a picture")
    app = IntakeApp(doors={}, inner=None, out=LinkDoor(secret=secret, blobs=blobs, clock=lambda: NOW))
    try:
        async with WebServer(app=app, host="127.0.0.1", port=port, key="intake.port"):
            yield port
    finally:
        blobs.close()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


async def test_a_file_is_given_as_a_download_and_never_shown(tmp_path: Path) -> None:
    async with serving(tmp_path) as port:
        status, headers, body = await asyncio.to_thread(ask, port, f"/out/{TOKEN}")
        assert (status, body, headers["content-type"]) == (200, b"a picture", "image/png")
        assert headers["content-disposition"] == "attachment"
        assert headers["x-content-type-options"] == "nosniff"
        status, headers, body = await asyncio.to_thread(ask, port, f"/out/{TOKEN}", "HEAD")
        assert (status, headers["content-length"], body) == (200, "9", b"")


async def test_nothing_else_is_given(tmp_path: Path) -> None:
    gone = LINKS.token("0" * 64, "image/png", until=NOW + timedelta(hours=1))
    late = LINKS.token(DIGEST, "image/png", until=NOW - timedelta(seconds=1))
    async with serving(tmp_path) as port:
        for path in (
            "/out/",
            "/out",
            f"/out/{DIGEST}",
            f"/out/{gone}",
            f"/out/{late}",
            "/out/../in/x",
            f"/out/{TOKEN}/",
        ):
            assert (await asyncio.to_thread(ask, port, path))[0] == 404, path
        assert (await asyncio.to_thread(ask, port, f"/out/{TOKEN}", "POST"))[0] == 405
    async with serving(tmp_path, down=True) as port:
        assert (await asyncio.to_thread(ask, port, f"/out/{TOKEN}"))[0] == 503
