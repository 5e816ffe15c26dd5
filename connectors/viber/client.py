"""Calls of Viber's REST API. The token goes in a header, and nowhere else.

Source: Viber REST API, "Send message", "Error codes". Viber answers 200 with a `status` of its own in the body.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import httpx

from connectors.sending import ChannelDownError, GoneError, SendFailedError, SendLaterError
from connectors.tolerant import fields, text_of, whole

MAX_BODY: Final = 30 * 1024
"""Bytes of the JSON of one call (Viber FAQ)."""
HOURLY: Final = timedelta(hours=1)
"""A user who does not answer gets 100 messages an hour; then Viber says status 12."""

REASONS: Final = {
    1: "Viber cannot use the address of our file",
    3: "Viber found the message badly formed",
    4: "Viber missed something in the message",
    11: "the person has no device that can show it",
    13: "the person's Viber is too old for it",
    14: "the person's Viber is too old for it",
    21: "bots do not work in the person's country",
}
GONE: Final = {5: ("gone", "the person is no longer registered with Viber"), 6: ("unsubscribed", "the person left us")}
DOWN: Final = {
    2: "Viber does not accept the token",
    7: "Viber blocked the bot",
    8: "Viber does not know the bot",
    9: "Viber suspended the bot",
    10: "the bot has no webhook at Viber",
    15: "the bot is not allowed to do this",
    18: "the bot is not public yet",
    23: "the bot's free messages are used up",
    24: "the bot's account has no balance",
}


class ViberClient:
    """One bot at the API. `http` has the time limits; nobody else uses it."""

    def __init__(self, *, base_url: str, token: str, http: httpx.AsyncClient) -> None:
        self._base_url = base_url
        self._token = token
        self._http = http

    async def call(self, method: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call and give the answer. Raises the errors of `connectors.sending`."""
        content = encoded(payload)
        headers = {"X-Viber-Auth-Token": self._token, "Content-Type": "application/json"}
        try:
            answer = await self._http.post(f"{self._base_url}/pa/{method}", content=content, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ChannelDownError(f"Viber cannot be reached: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise SendLaterError(f"Viber did not answer: {type(error).__name__}", unsure=True) from None
        return _answered(answer)

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()


def encoded(payload: Mapping[str, Any]) -> bytes:
    """Write the body of a call as short as it can be: letters are not escaped."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _answered(answer: httpx.Response) -> Mapping[str, Any]:
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise SendLaterError("Viber asks for a pause", after=_pause(answer))
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise ChannelDownError(f"Viber answered {answer.status_code}")
    if answer.status_code != httpx.codes.OK:
        raise SendFailedError(f"Viber answered {answer.status_code}", code=str(answer.status_code))
    try:
        found = fields(answer.json())
    except ValueError:
        raise SendLaterError("Viber's answer is no JSON", unsure=True) from None
    _judge(found)
    return found


def _judge(found: Mapping[str, Any]) -> None:
    """Raise what a status means; 0 is well. What Viber says of it in words may quote us, so it is not passed on."""
    status = whole(found.get("status"))
    if status == 0:
        return
    if status is None:
        raise SendLaterError("Viber's answer has no status", unsure=True)
    code = str(status)
    if status == 12:  # noqa: PLR2004 - tooManyRequests
        raise SendLaterError("the person got too many messages without an answer", after=HOURLY)
    if status in GONE:
        state, reason = GONE[status]
        raise GoneError(state, reason, code=code)
    if status in DOWN:
        raise ChannelDownError(DOWN[status])
    raise SendFailedError(REASONS.get(status, f"Viber refused it with status {code}"), code=code)


def _pause(answer: httpx.Response) -> timedelta | None:
    seconds = text_of(answer.headers.get("retry-after"), 8)
    return timedelta(seconds=int(seconds)) if seconds.isdecimal() else None
