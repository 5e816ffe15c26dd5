"""The double keeps Telegram's rules, and says nothing that the Bot API does not describe."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from telegram_lab import GROUP, OLGA, SECRET, TOKEN
from telegram_schema import mistakes, types

from doubles.telegram import TelegramDouble

described = pytest.mark.skipif(types() is None, reason="the official description of the Bot API is not here")


def ask(telegram: TelegramDouble, method: str, **data: Any) -> Any:
    answer = httpx.post(f"{telegram.base_url}/bot{TOKEN}/{method}", data=data, timeout=10).json()
    return answer["result"] if answer["ok"] else (answer["error_code"], answer["description"])


@contextmanager
def hook(answers: list[int]) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A webhook that gives these answers, then 200."""
    heard: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["X-Telegram-Bot-Api-Secret-Token"], body))
            self.send_response(answers.pop(0) if answers else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", heard
    server.shutdown()
    server.server_close()


def until(true: Any) -> None:
    give_up = time.monotonic() + 10
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_an_offset_confirms_and_the_same_one_again_gives_one_update(telegram: TelegramDouble) -> None:
    for text in ("one", "two", "three"):
        telegram.world.write(OLGA, text=text)
    first = ask(telegram, "getUpdates")
    assert len(first) == 3
    assert len(ask(telegram, "getUpdates")) == 1
    assert len(ask(telegram, "getUpdates", offset=first[1]["update_id"])) == 2
    assert ask(telegram, "getUpdates", offset=first[-1]["update_id"] + 1) == []


def test_an_update_that_nobody_took_is_gone_after_a_day(telegram: TelegramDouble) -> None:
    telegram.world.write(OLGA, text="yesterday")
    telegram.world.clock = 86401
    assert ask(telegram, "getUpdates") == []


def test_a_webhook_forbids_polling_and_hears_an_update_until_it_takes_it(telegram: TelegramDouble) -> None:
    with hook([503, 500]) as (url, heard):
        assert ask(telegram, "setWebhook", url=url, secret_token=SECRET) is True
        assert ask(telegram, "getUpdates")[0] == 409
        telegram.world.write(OLGA, text="again")
        until(lambda: len(heard) == 3 and not telegram.world.queue)
        assert {secret for secret, _ in heard} == {SECRET}
        assert len({body for _, body in heard}) == 1
        assert ask(telegram, "deleteWebhook") is True
        assert ask(telegram, "getUpdates") == []


def test_kinds_that_were_not_asked_for_do_not_come(telegram: TelegramDouble) -> None:
    ask(telegram, "getUpdates", allowed_updates='["message"]')
    telegram.world.block(OLGA)
    assert ask(telegram, "getUpdates") == []


def test_a_truncated_file_ends_early(telegram: TelegramDouble) -> None:
    file_id = telegram.world.upload(b"x" * 1000, cut=True)
    path = ask(telegram, "getFile", file_id=file_id)["file_path"]
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{telegram.base_url}/file/bot{TOKEN}/{path}")


@described
def test_what_the_double_says_is_what_the_bot_api_describes(telegram: TelegramDouble) -> None:
    world = telegram.world
    first = world.write(OLGA, text="a")
    world.edit(first, text="b")
    world.write(GROUP, user=OLGA, text="c", reply_to_message=first)
    world.write(OLGA, photo=world.photo(b"x"), media_group_id="7", caption="d")
    world.block(OLGA)
    world.unblock(OLGA)
    updates = ask(telegram, "getUpdates")
    assert len(updates) == 6
    assert [problem for update in updates for problem in mistakes(update, "Update")] == []
    assert list(mistakes(ask(telegram, "sendMessage", chat_id=OLGA, text="e"), "Message")) == []
    assert list(mistakes(ask(telegram, "getFile", file_id="AgACAgIAAx-1"), "File")) == []
    assert list(mistakes(ask(telegram, "getMe"), "User")) == []
