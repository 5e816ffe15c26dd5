"""Messages that VK cut (`is_cropped`), asked for whole. Source: VK API, `messages.getById`; its official schema."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.base import LaterError
from connectors.sending import ChannelDownError, SendFailedError, SendLaterError
from connectors.tolerant import fields, items, moment, text_of
from connectors.vk.client import VkClient
from connectors.vk.normalize import message_of

SECONDS: Final = 5.0
"""For one question, while VK waits for the answer to its callback."""
HELD_UP: Final = timedelta(minutes=10)
"""How long after it was written a message may wait for its rest; then it is stored as it came."""


def is_cropped(event: Mapping[str, Any]) -> bool:
    """Whether VK tells only the beginning of the message in an event."""
    return message_of(event).get("is_cropped") is True


async def whole_message(client: VkClient, event: Mapping[str, Any], *, group_id: int) -> Mapping[str, Any]:
    """Give the event with the whole message; as it is when VK refuses. Raises `SendLaterError`, `ChannelDownError`."""
    message = message_of(event)
    asked: dict[str, str | int] = {
        "peer_id": text_of(message.get("peer_id"), 24),
        "cmids": text_of(message.get("conversation_message_id"), 24),
        "group_id": group_id,
    }
    try:
        found = items(fields(await client.call("messages.getById", asked)).get("items"), 1)
    except SendFailedError:
        return event  # it stays cut, and says so
    return _with_message(event, fields(found[0])) if found else event


async def whole_in_time(
    client: VkClient, event: Mapping[str, Any], *, group_id: int, now: datetime
) -> Mapping[str, Any]:
    """Give the event with the whole message, or as it is when it has waited long enough. Raises `LaterError`."""
    try:
        async with asyncio.timeout(SECONDS):
            return await whole_message(client, event, group_id=group_id)
    except (SendLaterError, ChannelDownError, TimeoutError) as error:
        written = moment(message_of(event).get("date"))
        if written is None or now - written > HELD_UP:
            return event
        raise LaterError("VK does not give the whole message now") from error


def _with_message(event: Mapping[str, Any], message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put the message where the event had it: `message_new` wraps it, the others are it."""
    content = fields(event.get("object"))
    return {**event, "object": {**content, "message": message} if "message" in content else message}
