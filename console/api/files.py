"""Bytes: files of messages to download, and files for answers. Nothing is ever rendered."""

import re
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from console.api.access import FilesReader, TicketsWriter
from console.api.actions import Key
from console.api.ports import Files
from console.api.problems import invalid
from console.api.tickets import MessageId

_BYTES: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}", re.ASCII)
_RAW: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}}, "description": "bytes"}
}
_FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "the file itself, 20 MiB at most",
        "content": {_BYTES: {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
    }
}


class Upload(BaseModel):
    """A file that a reply or note can name, for two days."""

    id: int
    name: str
    content_type: str
    size: int
    sha256: str


def router(files: Files) -> APIRouter:
    """Make the paths."""
    paths = APIRouter(tags=["files"])

    @paths.get("/messages/{message_id}/files/{place}", response_class=StreamingResponse, responses=_RAW)
    async def download_file(
        token: FilesReader, message_id: MessageId, place: Annotated[int, Path(ge=0, le=10_000)]
    ) -> StreamingResponse:
        """Download a file of a message, by its place in the list from 0. What the sender called it proves nothing."""
        name, content = await files.file(token.accounts, message_id, place)
        return StreamingResponse(content, media_type=_BYTES, headers=_attached(name))

    @paths.get("/messages/{message_id}/text", response_class=StreamingResponse, responses=_RAW)
    async def download_text(token: FilesReader, message_id: MessageId) -> StreamingResponse:
        """Download the whole text of a message, in UTF-8."""
        content = await files.text(token.accounts, message_id)
        return StreamingResponse(content, media_type=_BYTES, headers=_attached(f"message-{message_id}.txt"))

    @paths.post("/uploads", status_code=201, openapi_extra=_FILE)
    async def upload_file(
        request: Request,
        token: TicketsWriter,
        name: Annotated[str, Query(min_length=1, max_length=255)],
        key: Key = None,
    ) -> Upload:
        """Upload a file for a reply or note: the body is the file itself, of whatever type."""
        del key  # the gate has looked at it
        content: bytes = request.state.body
        content_type = request.headers.get("content-type", _BYTES)
        if not content:
            raise invalid("body", "the file is empty")
        clean = content_type.partition(";")[0].strip().lower()
        kind = clean if _TYPE.fullmatch(clean) else _BYTES
        made = await files.upload(token, name=safe_name(name), content_type=kind, content=content)
        return Upload.model_validate(made)

    return paths


def safe_name(name: str) -> str:
    """Give a file name without folders and without what a header or a terminal would obey."""
    bare = re.split(r"[/\\]", name)[-1]
    clean = "".join(letter for letter in bare if letter.isprintable()).strip(" .")
    return clean[:255] or "file"


def _attached(name: str) -> dict[str, str]:
    named = quote(safe_name(name).encode("utf-8", "replace"), safe="")
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{named}"}
