"""Calls of VK's API. The token goes in the body of a request, and nowhere else.

Source: VK API, "API requests", "Errors". VK answers 200 with `response` or `error` in the body.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import httpx

from connectors.sending import ChannelDownError, GoneError, SendFailedError, SendLaterError
from connectors.tolerant import fields, whole

VERSION: Final = "5.199"

PAUSES: Final = {
    1: (None, "VK had an unknown error"),
    6: (timedelta(seconds=1), "VK asks for fewer calls a second"),
    9: (timedelta(minutes=10), "VK sees a flood of like messages"),
    10: (None, "VK had an error of its own"),
    14: (timedelta(hours=1), "VK wants a captcha"),
    29: (timedelta(hours=1), "VK's limit of calls is used up"),
}
GONE: Final = {
    18: ("gone", "the person's page was deleted or blocked"),
    900: ("blocked", "the person is on the community's blacklist"),
    901: ("denied", "the person has not allowed the community to write"),
    902: ("denied", "the person's privacy settings forbid it"),
    917: ("gone", "the community is not in the chat"),
    922: ("left", "the community left the chat"),
    936: ("gone", "VK does not know the person"),
    945: ("gone", "the chat was closed"),
}
DOWN: Final = {5: "VK does not accept the token", 27: "VK does not accept the community's token"}
REASONS: Final = {
    7: "the token may not send messages",
    15: "VK denied access",
    100: "VK found the call badly formed",
    914: "the message is too long for VK",
    950: "the person may not be answered any more: too much time has passed",
}


class VkClient:
    """One community at the API. `http` has the time limits; nobody else uses it."""

    def __init__(self, *, base_url: str, token: str, http: httpx.AsyncClient) -> None:
        self._base_url = base_url
        self._token = token
        self._http = http

    async def call(self, method: str, parameters: Mapping[str, str | int]) -> object:
        """Call and give the `response`. Raises the errors of `connectors.sending`."""
        form = {**parameters, "access_token": self._token, "v": VERSION}
        return _response(await self.request("POST", f"{self._base_url}/method/{method}", data=form))

    async def request(
        self,
        verb: str,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        data: Mapping[str, str | int] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> Mapping[str, Any]:
        """Ask for any JSON object: a long poll, an upload. The URL may hold a key: nobody is told of it."""
        try:
            answer = await self._http.request(verb, url, params=params, data=data, files=files)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ChannelDownError(f"VK cannot be reached: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SendLaterError(f"VK did not answer: {type(error).__name__}", unsure=True) from None
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ChannelDownError(f"VK answered {answer.status_code}")
        if answer.status_code != httpx.codes.OK:
            raise SendFailedError(f"VK answered {answer.status_code}", code=str(answer.status_code))
        try:
            return fields(answer.json())
        except ValueError:
            raise SendLaterError("VK's answer is no JSON", unsure=True) from None

    async def moved_to(self, url: str) -> str:
        """Give where a download goes on from here; empty when it does not."""
        try:
            async with self._http.stream("GET", url) as answer:
                return str(answer.headers.get("location", ""))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SendLaterError(f"VK did not answer: {type(error).__name__}") from None

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()


def _response(found: Mapping[str, Any]) -> object:
    """Raise what an error means. Its text and parameters may quote the call, token included: they are not passed on."""
    if "error" not in found:
        if "response" not in found:
            raise SendLaterError("VK's answer has no response", unsure=True)
        return found["response"]
    code = whole(fields(found["error"]).get("error_code")) or 0
    if code in PAUSES:
        after, reason = PAUSES[code]
        raise SendLaterError(reason, after=after)
    if code in GONE:
        state, reason = GONE[code]
        raise GoneError(state, reason, code=str(code))
    if code in DOWN:
        raise ChannelDownError(DOWN[code])
    raise SendFailedError(REASONS.get(code, f"VK refused it with error {code}"), code=str(code))
