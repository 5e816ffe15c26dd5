"""Callbacks are VK's or refused, the secret key is never kept, and VK is told where to call."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.base import Answer, Delivery, LaterError, RefusedError
from connectors.sending import SendFailedError
from connectors.vk.channel import VkCallback
from doubles.vk import VkDouble

NOW = datetime(2026, 11, 21, 13, 20, 1, tzinfo=UTC)
GROUP, SECRET = 20629724, "aaQ13axAPQEcczQa"


def delivery(bot: VkCallback, **event: Any) -> Delivery:
    whole = {"type": "message_new", "group_id": GROUP, "secret": SECRET, "object": {}, **event}
    raw = json.dumps({name: value for name, value in whole.items() if value is not None}).encode()
    return Delivery(account=bot.account, raw=raw, received_at=NOW, intake="webhook")


def test_the_secret_key_opens_and_is_not_kept(callback: VkCallback) -> None:
    event = delivery(callback)
    callback.authenticate(event)
    assert SECRET.encode() not in callback.redacted(event).raw
    assert callback.sign(callback.redacted(event)).raw.endswith(b'"secret":"aaQ13axAPQEcczQa"}')


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "another"},
        {"secret": None},
        {"secret": "é\udc80"},
        {"secret": 17},
        {"group_id": 1},
        {"group_id": "1"},
    ],
)
def test_all_else_is_refused(callback: VkCallback, change: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        callback.authenticate(delivery(callback, **change))


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_event_is_refused(callback: VkCallback, raw: bytes) -> None:
    with pytest.raises(RefusedError):
        callback.authenticate(Delivery(account=callback.account, raw=raw, received_at=NOW, intake="webhook"))


def test_a_confirmation_with_a_wrong_key_is_refused(callback: VkCallback) -> None:
    callback.authenticate(delivery(callback, type="confirmation", secret=None))
    with pytest.raises(RefusedError):
        callback.authenticate(delivery(callback, type="confirmation", secret="another"))


async def test_a_confirmation_is_answered_with_the_string_of_now(callback: VkCallback, vk: VkDouble) -> None:
    asked = delivery(callback, type="confirmation", secret=None)
    assert callback.handshake(asked) == Answer(status=503, body=b"not ready")
    vk.community.callback_url = "https://desk.example.org/in/vk/photo-club"
    await callback.register("https://desk.example.org/in/vk/photo-club")
    assert callback.handshake(asked) == Answer(body=b"a1b2c3d4")
    assert callback.handshake(delivery(callback)) is None
    assert {"message_new", "message_reply", "message_read", "message_deny"} <= vk.community.wanted


async def test_a_new_secret_key_is_told_to_vk_at_the_next_start(callback: VkCallback, vk: VkDouble) -> None:
    vk.community.callback_url = "https://desk.example.org/in/vk/photo-club"
    vk.community.secret = "the key of before"
    await callback.register("https://desk.example.org/in/vk/photo-club")
    assert vk.community.secret == SECRET


async def test_a_platform_that_does_not_answer_is_told_later(callback: VkCallback, vk: VkDouble) -> None:
    vk.outage = True
    with pytest.raises(LaterError, match="503"):
        await callback.register("https://desk.example.org/in/vk/photo-club")
    vk.outage = False
    vk.community.forced.append(15)
    with pytest.raises(RefusedError, match="denied access"):
        await callback.register("https://desk.example.org/in/vk/photo-club")


async def test_a_document_leads_on_to_where_it_lies(callback: VkCallback, vk: VkDouble) -> None:
    doc = {"id": 6, "owner_id": 14887, "title": "a.pdf", "ext": "pdf", "url": f"{vk.base_url}/file/a.pdf"}
    raw = json.dumps({"object": {"message": {"attachments": [{"type": "doc", "doc": doc}]}}}).encode()
    found = await callback.locate(raw, "doc14887_6")
    assert (found.url, found.base_url) == (f"{vk.base_url}/file/a.pdf", vk.base_url)
    with pytest.raises(SendFailedError):
        await callback.locate(raw, "doc14887_7")
