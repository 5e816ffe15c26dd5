"""How a listener ends: without a word where nothing is under way, and not before an answer that is."""

import asyncio
import logging
import time

import httpx
import pytest

from daemon.intake_app import Receive, Scope, Send
from daemon.web import WebServer
from doubles.ports import free_port


async def slow_yes(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer after a while, as a delivery does that is being stored."""
    await receive()
    await asyncio.sleep(float(scope["path"].rpartition("/")[2]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"yes"})


async def test_an_ordinary_stop_is_quick_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    async with httpx.AsyncClient() as client:
        async with WebServer(app=slow_yes, host="127.0.0.1", port=port):
            assert (await client.get(f"http://127.0.0.1:{port}/0")).text == "yes"
            began = time.monotonic()
        assert time.monotonic() - began < 0.9
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_answer_that_is_under_way_is_given_before_the_end() -> None:
    port = free_port()
    async with httpx.AsyncClient() as client:
        async with WebServer(app=slow_yes, host="127.0.0.1", port=port):
            asked = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/0.5"))
            await asyncio.sleep(0.2)
        assert (await asked).text == "yes"
