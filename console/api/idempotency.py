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

from console.api.ports import Before, Claimed, Requests
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
    if isinstance(before, Claimed):
        await _first(requests, before, lambda kept: work(scope, receive, kept), (scope, receive, send))
        return
    if not compare_digest(before.request_hash, asked):
        raise reused()
    await _again(before)(scope, receive, send)


def reused() -> ProblemError:
    """Make the error for a key that comes with another request than before."""
    return ProblemError(422, "idempotency-key-reused", "This Idempotency-Key came with another request before.")


def _again(before: Before) -> Response:
    """Give what came before, or raise a problem while it is at work."""
    if before.status is None:
        detail = "A request with this Idempotency-Key is at work: ask again soon."
        raise ProblemError(409, "request-at-work", detail, headers={"Retry-After": "2"})
    headers = {"idempotent-replayed": "true"}
    return Response(before.body, status_code=before.status, media_type=before.content_type or None, headers=headers)


async def _first(
    requests: Requests,
    claimed: Claimed,
    work: Callable[[Send], Awaitable[None]],
    asgi: tuple[Scope, Receive, Send],
) -> None:
    """Do the work and keep its answer. Who took the key over meanwhile has given the answer: it is given here, too."""
    answer = _Kept()
    try:
        await work(answer)
    except BaseException:
        await requests.drop(claimed)
        raise
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _NOT_KEPT:
        await requests.drop(claimed)
    else:
        body, kind = bytes(answer.body), answer.content_type
        instead = await requests.finish(claimed, status=answer.status, content_type=kind, body=body)
        if instead is not None:
            await _again(instead)(*asgi)
            return
    for message in answer.messages:
        await asgi[2](message)


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
    """Give the fingerprint of what was asked: method, path, query and body."""
    found = sha256()
    for part in (scope["method"].encode(), scope["path"].encode(), scope["query_string"], scope["state"]["body"]):
        found.update(len(part).to_bytes(8))
        found.update(part)
    return found.digest()
