"""The same request twice does its work once: `Idempotency-Key` with the hash of what was asked."""

import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from console.api.ports import Requests
from console.api.problems import ProblemError

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_NOT_KEPT: Final = frozenset({401, 403, 404, 408, 409, 412, 413, 429})
"""Answers after which asking again may well come to something else."""

Work = Callable[[Scope, Receive, Send], Awaitable[None]]


def key_of(scope: Scope) -> str | None:
    """Give the request's key. Raises a problem for one that is none."""
    given = Headers(scope=scope).getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or _KEY.fullmatch(given[0]) is None:
        raise ProblemError(400, "bad-idempotency-key", "Idempotency-Key is 1 to 255 printable characters, once.")
    return given[0]


async def once(requests: Requests, work: Work, scope: Scope, receive: Receive, send: Send) -> None:
    """Do a request, or give the answer that its key has got before."""
    key = key_of(scope)
    token = scope["state"]["token"]
    if key is None:
        await work(scope, receive, send)
        return
    asked = _hash(scope)
    before = await requests.begin(token.id, key, request_hash=asked)
    if before is None:
        await _first(requests, (token.id, key), lambda kept: work(scope, receive, kept), send)
        return
    if not compare_digest(before.request_hash, asked):
        raise ProblemError(422, "idempotency-key-reused", "This Idempotency-Key came with another request before.")
    if before.status is None:
        detail = "A request with this Idempotency-Key is at work: ask again soon."
        raise ProblemError(409, "request-at-work", detail, headers={"Retry-After": "2"})
    headers = {"idempotent-replayed": "true"}
    again = Response(before.body, status_code=before.status, media_type=before.content_type, headers=headers)
    await again(scope, receive, send)


async def _first(
    requests: Requests, name: tuple[int, str], work: Callable[[Send], Awaitable[None]], send: Send
) -> None:
    answer = _Kept()
    try:
        await work(answer)
    except BaseException:
        await requests.drop(*name)
        raise
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _NOT_KEPT:
        await requests.drop(*name)
    else:
        body, kind = bytes(answer.body), answer.content_type
        await requests.finish(*name, status=answer.status, content_type=kind, body=body)
    for message in answer.messages:
        await send(message)


class _Kept:
    """Collects an answer before it leaves, so that it is stored before anybody sees it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.status = 500
        self.content_type = ""
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.content_type = Headers(raw=message["headers"]).get("content-type", "")
        else:
            self.body += message.get("body", b"")


def _hash(scope: Scope) -> bytes:
    parts = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], scope["state"]["body"])
    return sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()
