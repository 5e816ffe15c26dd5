"""What strangers try on a chat: forged, altered and old proofs, other people's dialogues, sizes, names, odd frames."""

import asyncio
import hmac
import json
from contextlib import AsyncExitStack
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from chat_page import ORIGIN, SECRET, ChatRoom, chat_room, clock, heard, say
from websockets.exceptions import ConnectionClosed, InvalidStatus

from connectors import page_http
from connectors.page_tokens import Tokens
from schemas.base import MAX_FILE_BYTES

pytestmark = pytest.mark.postgres


def site_word(user: str, *, hours: float, secret: str = SECRET) -> dict[str, str]:
    """What a host site says of its user."""
    expires = str(int((clock() + timedelta(hours=hours)).timestamp()))
    signature = hmac.new(secret.encode(), f"{user}\n{expires}".encode(), sha256).hexdigest()
    return {"id": user, "expires": expires, "signature": signature}


async def test_every_changed_letter_of_a_visitors_token_opens_nothing(room: ChatRoom) -> None:
    token = await room.visitor()
    assert await room.told(token) == "welcome"
    for place in range(0, len(token), 9):
        altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert await room.told(altered) == "forged"


async def test_tokens_of_other_purposes_accounts_and_secrets_open_nothing(room: ChatRoom) -> None:
    handle = (await room.upload(b"x", await room.visitor())).text
    facts, end = {"chat": "v.0"}, clock() + timedelta(hours=1)
    for made in (
        handle,
        Tokens(secret=SECRET, account="other").issue("visitor", facts, expires=end),
        Tokens(secret=SECRET[::-1], account="shop").issue("visitor", facts, expires=end),
    ):
        assert await room.told(made) == "forged"
        assert (await room.upload(b"x", made)).status_code == 401


async def test_a_sites_word_is_taken_as_it_was_signed_and_until_its_end(room: ChatRoom) -> None:
    word = site_word("7", hours=1)
    assert await room.told(user=word) == "welcome"
    assert await room.told(user={**word, "id": "8"}) == "forged"
    assert await room.told(user={**word, "expires": str(int(word["expires"]) + 9)}) == "forged"
    assert await room.told(user=site_word("7", hours=1, secret=SECRET[::-1])) == "forged"
    assert await room.told(user=site_word("7", hours=-1)) == "expired"


async def test_a_users_token_without_the_sites_word_opens_no_dialogue(room: ChatRoom) -> None:
    async with room.page(user=site_word("7", hours=1)) as (_, welcome):
        token = welcome["token"]
    assert await room.told(token) == "forged"


async def test_a_message_that_is_sent_again_is_the_same_delivery(room: ChatRoom) -> None:
    async with room.page() as (socket, _):
        for _ in range(2):
            await say(socket, {"t": "say", "id": "m1", "text": "once"})
            assert (await heard(socket))["t"] == "ack"
    first, again = room.bench.sink.messages
    assert first.delivery_key == again.delivery_key


async def test_other_sites_neither_open_sockets_nor_fetch_files(room: ChatRoom) -> None:
    for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example"):
        with pytest.raises(InvalidStatus):
            async with room.socket(origin=origin):
                pass
        assert (await room.fetch("/files/1/0", await room.visitor(), origin=origin)).status_code == 403


async def test_a_file_of_another_visitor_is_neither_sent_nor_fetched(room: ChatRoom) -> None:
    async with room.page() as (socket, welcome):
        handle = (await room.upload(b"a private picture", welcome["token"])).text
        await say(socket, {"t": "say", "id": "m1", "text": "", "files": [handle]})
        assert (await heard(socket))["t"] == "ack"
        conversation = room.bench.sink.messages[0].thread.conversation
        assert conversation is not None
        chat = conversation.shown.removeprefix("webchat:shop:")
        digest = sha256(b"a private picture").hexdigest()
        await room.answer(chat, "see", [{"name": "a.png", "size": 17, "sha256": digest}])
        assert (await room.fetch("/files/1/0", welcome["token"])).content == b"a private picture"
    async with room.page() as (socket, welcome):
        await say(socket, {"t": "say", "id": "m2", "text": "mine", "files": [handle]})
        assert await heard(socket) == {"t": "refused", "id": "m2", "reason": "file"}
        assert (await room.fetch("/files/1/0", welcome["token"])).status_code == 404
    assert len(room.bench.sink.messages) == 1


async def test_a_page_reports_no_line_that_it_was_not_shown(room: ChatRoom) -> None:
    async with room.page() as (socket, _):
        await say(socket, {"t": "seen", "line": 1})
        assert await heard(socket) == {"t": "bye", "reason": "frame"}
    assert room.bench.sink.messages == []


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\etc\\passwd", 'a"\r\nset-cookie: b=c\r\n.txt', "\0", "/"]
)
async def test_a_files_name_is_data_and_never_a_path_or_a_header(room: ChatRoom, name: str) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in name.encode())
    async with room.page() as (socket, welcome):
        handle = (await room.upload(b"x", welcome["token"], x_file_name=quoted)).text
        await say(socket, {"t": "say", "id": "m1", "text": "", "files": [handle]})
        assert (await heard(socket))["t"] == "ack"
    (file,) = room.bench.sink.messages[0].files
    assert file.name
    assert not set("/\\\r\n\0") & set(file.name)


async def test_a_file_over_the_limit_is_refused_whatever_its_length_says(room: ChatRoom) -> None:
    token = await room.visitor()
    head = f"POST /webchat/shop/files HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\nAuthorization: Bearer {token}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", room.bench.port)
    writer.write(f"{head}Content-Length: {MAX_FILE_BYTES + 1}\r\n\r\n".encode())
    assert (await reader.readline()).split()[1] == b"413", "before a byte of the body has come"
    writer.close()

    async def endless() -> Any:
        for _ in range(MAX_FILE_BYTES // 65536 + 2):
            yield bytes(65536)

    proof = {"authorization": f"Bearer {token}", "origin": ORIGIN}
    assert (await room.http.post("/files", content=endless(), headers=proof)).status_code == 413
    assert room.bench.blobs.contents == {}


ODD = [
    b"\x00\x01",
    "",
    "[]",
    "7",
    "{",
    '{"t":"hello"}',
    '{"t":"say"}',
    '{"t":"say","id":"\\u0000","text":"x"}',
    '{"t":"say","id":"' + "x" * 65 + '","text":"x"}',
    '{"t":"drop table"}',
    '{"t":' * 20_000,
]


@pytest.mark.parametrize("frame", ODD, ids=range(len(ODD)))
async def test_an_odd_frame_ends_its_own_socket_and_stores_nothing(room: ChatRoom, frame: str | bytes) -> None:
    async with room.page() as (calm, _):
        async with room.page() as (odd, _):
            await odd.send(frame)
            assert (await heard(odd))["reason"] in ("frame", "too_big")
            with pytest.raises(ConnectionClosed):
                await odd.recv()
        await say(calm, {"t": "ping"})
        assert await heard(calm) == {"t": "pong"}
    assert room.bench.sink.messages == []


async def test_a_frame_over_64_kib_and_a_text_over_its_limit_are_not_taken(room: ChatRoom) -> None:
    async with room.page() as (socket, _):
        await say(socket, {"t": "say", "id": "m1", "text": "x" * 8_001})
        assert await heard(socket) == {"t": "refused", "id": "m1", "reason": "long"}
        await socket.send(json.dumps({"t": "say", "id": "m2", "text": "é" * 40_000}, ensure_ascii=False))
        assert await heard(socket) == {"t": "bye", "reason": "too_big"}


async def test_one_address_holds_so_many_sockets(database: str) -> None:
    async with AsyncExitStack() as stack:
        room = await stack.enter_async_context(chat_room(database, max_sockets_per_address=2))
        for _ in range(2):
            await stack.enter_async_context(room.page())
        third = await stack.enter_async_context(room.socket())
        assert await heard(third) == {"t": "bye", "reason": "full"}


async def test_an_address_stores_so_many_bytes_an_hour(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_http, "BYTES_EACH", 25)
    async with chat_room(database) as room:
        answers = [await room.upload(b"x" * 10, await room.visitor()) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert int(answers[-1].headers["retry-after"]) > 600
