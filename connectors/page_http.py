"""What routes of pages share: who calls, bodies with an end, files with a limit, headers that keep browsers strict."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote, unquote

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from connectors.base import InvalidDeliveryError, RefusedError, RoutesDesk
from connectors.making import line
from connectors.page_limits import StoredBytes
from connectors.page_tokens import Tokens
from connectors.tolerant import fields, items, text_of, whole
from schemas.base import MAX_FILE_BYTES
from schemas.message import BlobRef, File, FileState

MOST_FILES: Final = 10
UPLOAD_SECONDS: Final = 300.0
BYTES_EACH: Final = 200 * 1024 * 1024
"""Bytes of files that one address stores in an hour: a request with ten files of 20 MiB ..."""
BYTES_TOGETHER: Final = 1024 * 1024 * 1024
"""... and all that call one account: files need no message, and the disk is that of all channels."""
HANDLE: Final = "upload"
HANDLE_HOURS: Final = 24
_DIGEST: Final = re.compile("[0-9a-f]{64}")
STRICT: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "cross-origin",
}


class TooLargeError(Exception):
    """A body over its limit."""


class FullError(Exception):
    """No room for a file's bytes for `after` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(after)
        self.after = after


def caller(connection: HTTPConnection, *, behind_proxy: bool) -> str:
    """Give the address of whoever calls; behind a proxy of ours the last one that it wrote into X-Forwarded-For."""
    if behind_proxy:
        forwarded = connection.headers.getlist("x-forwarded-for")
        if forwarded:
            return forwarded[-1].rpartition(",")[2].strip()[:64]
    return connection.client.host if connection.client else ""


async def bounded(
    request: Request, *, most: int, seconds: float, grow: Callable[[int], None] = lambda _: None
) -> bytes:
    """Read a body. Raises `TooLargeError`, `TimeoutError` when it does not end in time, and what `grow` raises.

    `grow` hears the bytes of every piece before it is kept.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced[:12]) > most:
        raise TooLargeError
    found, size = [], 0
    async with asyncio.timeout(seconds):
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise TooLargeError
            grow(len(chunk))
            found.append(chunk)
    return b"".join(found)


def handle(tokens: Tokens, chat: str, file: Mapping[str, Any], *, now: datetime) -> str:
    """Give what stands for a file that was stored before the message with it; it is of use to its dialogue alone."""
    return tokens.issue(HANDLE, {"chat": chat, **file}, expires=now + timedelta(hours=HANDLE_HOURS))


def handled(tokens: Tokens, chat: str, handles: Sequence[Any], *, now: datetime) -> list[dict[str, Any]]:
    """Give the files for which these stand. Raises `RefusedError` for another dialogue's, and for more than 10."""
    if len(handles) > MOST_FILES:
        raise RefusedError("too many files")
    found = []
    for token in handles:
        facts = tokens.read(HANDLE, text_of(token, 2048), now=now)
        if facts.get("chat") != chat:
            raise RefusedError("another dialogue's file")
        found.append({key: facts[key] for key in ("name", "content_type", "size", "sha256")})
    return found


def refused_files(value: object) -> list[dict[str, Any]]:
    """Read what the page itself did not send because it is too large: names and sizes."""
    named = [fields(item) for item in items(value, MOST_FILES)]
    return [
        {"name": file_name(text_of(item.get("name"), 1024)), "size": whole(item.get("size")) or 0} for item in named
    ]


def file_name(name: str) -> str:
    """Give a name without folders; it is data, never a path."""
    return line(PurePosixPath(name.replace("\\", "/")).name, 200) or "file"


def header_name(value: str) -> str:
    """Read a file's name from a header, where it stands percent-encoded."""
    return file_name(unquote(value[:2000], errors="replace"))


def wire_files(facts: Mapping[str, Any]) -> tuple[File, ...]:
    """Make the message's files of `files` (stored) and `refused` (only named). Raises `InvalidDeliveryError`."""
    return (*map(_stored, items(facts.get("files"), MOST_FILES)), *map(_refused, refused_files(facts.get("refused"))))


def _stored(item: object) -> File:
    facts = fields(item)
    size = whole(facts.get("size"))
    if _DIGEST.fullmatch(text_of(facts.get("sha256"), 65)) is None:
        raise InvalidDeliveryError("a file of it has no name in the store")
    return File(
        name=file_name(text_of(facts.get("name"), 1024)),
        content_type=line(text_of(facts.get("content_type"), 255), 255) or "application/octet-stream",
        size=size,
        blob=BlobRef(sha256=text_of(facts.get("sha256"), 64), size=size or 0),
    )


def _refused(item: Mapping[str, Any]) -> File:
    name, size = item["name"], item["size"]
    reason = f"refused: {name[:120]}, {size} bytes (limit {MAX_FILE_BYTES})"
    return File(name=name, size=size, state=FileState.REFUSED, reason=reason)


def later() -> Response:
    """Tell a page to try again soon."""
    return PlainTextResponse("later\n", 503, {"retry-after": "5", **STRICT})


def download(content: bytes, name: str) -> Response:
    """Hand a file out so that a browser keeps it and never shows it."""
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-store",
        **STRICT,
    }
    return Response(content, 200, headers, "application/octet-stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Takes one file a request, for whoever proved to be in a dialogue."""

    desk: RoutesDesk
    tokens: Tokens
    too_large: Callable[[], str]
    stored: StoredBytes = field(default_factory=lambda: StoredBytes(each=BYTES_EACH, together=BYTES_TOGETHER))

    async def take(self, request: Request, chat: str, address: str) -> Response:
        """Store the body as a file. Answers 413 with the plain text of a refusal.

        Raises `LaterError`, also when too much stands in memory, and `FullError` before a byte is read, when this
        address or all of them stored too much.
        """
        self.desk.check()
        announced = request.headers.get("content-length", "")
        room = min(int(announced[:12]), MAX_FILE_BYTES) if announced.isdigit() else MAX_FILE_BYTES
        if wait := self.stored.take(address, room, at=asyncio.get_running_loop().time()):
            self.desk.refused("bytes")
            raise FullError(wait)
        kept = 0
        try:
            with self.desk.hold() as grow:
                content = await bounded(request, most=MAX_FILE_BYTES, seconds=UPLOAD_SECONDS, grow=grow)
                ref = await self.desk.put(content)
            kept = ref.size
        except TooLargeError:
            self.desk.refused("file_too_large")
            return PlainTextResponse(self.too_large(), 413, STRICT)
        except TimeoutError:
            return PlainTextResponse("too slow\n", 408, STRICT)
        finally:
            self.stored.give(address, room - kept)
        name = header_name(request.headers.get("x-file-name", ""))
        content_type = line(request.headers.get("content-type", ""), 100) or "application/octet-stream"
        facts = {"name": name, "content_type": content_type, "size": ref.size, "sha256": ref.sha256}
        made = handle(self.tokens, chat, facts, now=self.desk.now())
        return PlainTextResponse(made, 201, STRICT)
