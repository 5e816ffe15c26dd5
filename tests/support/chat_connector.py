"""A connector for the small chat platform: the outgoing half of a channel, as a real one would be written."""

import asyncio
import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from chat_platform import LONGEST

from connectors.base import Account, Delivery, Normalized
from connectors.sending import (
    CannotSendError,
    ChannelDownError,
    ChatLetter,
    GoneError,
    Part,
    Remote,
    SendFailedError,
    SendLaterError,
    SendPace,
    Sent,
)
from schemas.message import InboundMessage

TIMEOUT = 2.0
NO_PACE = SendPace()
ONLY_OUT = "nothing comes in here: whoever hands a delivery to this connector means another one"


class ChatConnector:
    """`keyed`: the platform knows calls again by our key."""

    def __init__(self, *, url: str, account: str = "bot", keyed: bool = False, pace: SendPace = NO_PACE) -> None:
        self.account = Account(name=account, channel="parrot", scope="support")
        self.pace = pace
        self.echo_seconds: float | None = None
        self._host = url.removeprefix("http://")
        self._keyed = keyed

    def authenticate(self, delivery: Delivery) -> None:
        raise NotImplementedError(ONLY_OUT)

    def normalize(self, delivery: Delivery) -> Normalized:
        raise NotImplementedError(ONLY_OUT)

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        raise NotImplementedError(ONLY_OUT)

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        texts = [letter.text[start : start + LONGEST] for start in range(0, len(letter.text), LONGEST)]
        if not texts and not letter.files:
            raise CannotSendError("there is nothing to send")
        payloads: list[tuple[dict[str, Any], Any]] = [({"text": text}, None) for text in texts]
        payloads += [({"text": ""}, file) for file in letter.files]
        if letter.answers:
            payloads[0][0]["answers"] = letter.answers
        return [
            Part(
                index=index,
                to=letter.to,
                payload=payload,
                file=file,
                echo=f"{letter.number}.{index}" if self._keyed else "",
            )
            for index, (payload, file) in enumerate(payloads)
        ]

    async def send(self, part: Part, *, content: bytes | None, link: str) -> Sent:
        call = {"to": part.to, **part.payload}
        if part.echo:
            call["key"] = part.echo
        if part.file is not None:
            call["file"] = link or (content or b"").decode("latin-1")
        try:
            status, body = await asyncio.to_thread(self._post, call)
        except ConnectionRefusedError as error:
            raise ChannelDownError("it does not answer") from error
        except (OSError, http.client.HTTPException) as error:
            raise SendLaterError("its answer did not come", unsure=True) from error
        if status == 409:
            moved = await self.send(replace(part, to=body["moved_to"]), content=content, link=link)
            return replace(moved, moved_to=body["moved_to"])
        return self._answer(status, body)

    async def locate(self, raw: bytes, platform_id: str) -> Remote:
        assert raw
        status, body = await asyncio.to_thread(self._get, f"/where/{platform_id}")
        match status:
            case 200:
                url = f"http://{self._host}{body['path']}"
                return Remote(url=url, hosts=(), base_url=f"http://{self._host}")
            case 404:
                raise SendFailedError("the platform does not have the file any more")
            case _:
                raise ChannelDownError(f"it answers {status}")

    def _get(self, path: str) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def _answer(self, status: int, body: Mapping[str, Any]) -> Sent:
        match status:
            case 200:
                return Sent(platform_id=body["id"])
            case 403:
                raise GoneError("blocked", "the person has blocked us", code="403")
            case 429:
                raise SendLaterError("too many messages", after=timedelta(seconds=body["retry_after"]))
            case 502:
                after = timedelta(seconds=body["retry_after"])
                raise SendLaterError("somebody between us broke off", after=after, unsure=True)
            case 400:
                raise SendFailedError("the platform refused it", code="400")
            case _:
                raise ChannelDownError(f"it answers {status}")

    def _post(self, call: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT)
        try:
            connection.request("POST", "/send", json.dumps(call))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()
