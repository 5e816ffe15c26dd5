"""Files for answers: who may send them, how many may wait, and what of them is held in memory."""

import asyncio
from pathlib import Path

import httpx
import pytest
from api_lab import ApiLab, api_lab
from routing_lab import mail

from console.api.bodies import Memory
from console.api.problems import ProblemError
from console.api.tokens import Scope
from ticket_store.api_requests import MOST_UPLOADED, MOST_UPLOADS

WAITING = """
    insert into api_uploads (token_id, name, content_type, size, sha256, created_at)
    select (select max(id) from api_tokens), 'x', 'text/plain', %s, sha256('x'), now() from generate_series(1, %s)
"""


async def answer_to_headers(api: ApiLab, token: str, path: str, length: int) -> str:
    """Send the headers of a request whose body never comes; give the status line."""
    host, _, port = api.base.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST /api/v1{path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}"]
    writer.write("\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode())
    async with asyncio.timeout(20):
        line = await reader.readline()
    writer.close()
    return line.decode()


async def test_a_body_is_not_awaited_from_who_may_not_send_it(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api:
        reading, writing = await api.token([Scope.TICKETS_READ]), await api.token([Scope.TICKETS_WRITE])
        upload, size = "/uploads?name=x", 20 * 2**20
        assert " 403 " in await answer_to_headers(api, reading, upload, size)
        assert " 403 " in await answer_to_headers(api, reading, "/tickets/1234567890/reply", 1_000)
        assert " 403 " in await answer_to_headers(api, writing, "/spool/1/open", 1_000)
        assert " 404 " in await answer_to_headers(api, writing, "/nothing", 1_000)
        assert " 405 " in await answer_to_headers(api, writing, "/channels", 1_000)
        assert " 401 " in await answer_to_headers(api, "sbt_x", upload, size)


async def up(client: httpx.AsyncClient, content: bytes = b"x", kind: str = "text/plain") -> httpx.Response:
    headers = {"Content-Type": kind}
    return await client.post("/uploads", params={"name": "x"}, content=content, headers=headers)


async def test_a_token_has_room_for_so_many_files_until_messages_have_them(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"))
        number = (await api.lab.rows("select number from tickets"))[0]["number"]
        mine = (await up(client)).json()["id"]
        await api.lab.run(WAITING, [1, MOST_UPLOADS - 1])
        full = await up(client)
        assert (full.status_code, full.json()["type"]) == (429, "urn:switchboard:problem:no-room-for-uploads")
        token = client.headers["authorization"].removeprefix("Bearer ")
        assert " 429 " in await answer_to_headers(api, token, "/uploads?name=x", 20 * 2**20)
        async with api.client() as other:
            assert (await up(other)).status_code == 201
        said = await client.post(f"/tickets/{number}/note", json={"text": "see", "files": [mine]})
        assert said.status_code == 201
        assert (await up(client)).status_code == 201
        assert (await up(client)).status_code == 429


async def test_two_files_at_once_do_not_share_the_last_room(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.run(WAITING, [MOST_UPLOADED - 1, 1])
        answers = await asyncio.gather(*(up(client, content) for content in (b"a", b"b", b"c")))
        assert sorted(one.status_code for one in answers) == [201, 429, 429]


async def test_a_file_is_taken_as_it_is_whatever_type_it_has(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        for kind in ("application/json", "multipart/form-data; boundary=x", "text/html"):
            made = await up(client, b'{"no": json', kind)
            assert (made.status_code, made.json()["size"]) == (201, 11), kind


def test_memory_is_promised_once_and_given_back() -> None:
    memory = Memory(most=10, of_one=6)
    with memory.take(1, 6):
        with pytest.raises(ProblemError) as of_one, memory.take(1, 1):
            pass
        assert of_one.value.status == 429
        with pytest.raises(ProblemError) as of_all, memory.take(2, 5):
            pass
        assert of_all.value.status == 503
        with memory.take(2, 4):
            pass
    with memory.take(1, 6):
        pass
