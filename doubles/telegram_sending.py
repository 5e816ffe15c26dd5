"""What Telegram checks of messages that a bot sends, and what they hold afterwards. Source: Bot API, `send...`."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

MAX_TEXT, MAX_CAPTION = 4096, 1024
MAX_UPLOAD = 50 << 20
FEWEST, MOST = 2, 10
"""Files of an album."""
TOGETHER = ({"photo", "video", "live_photo"}, {"document"}, {"audio"})
"""Kinds that may be mixed in an album."""

_albums = count(13_500_000_000_000)


class RefusedCallError(Exception):
    """A call that Telegram refuses."""

    def __init__(self, code: int, description: str, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.parameters = parameters


def contents(method: str, data: Mapping[str, Any], files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Check what is sent, and give what the messages hold: an album becomes several. Raises `RefusedCallError`."""
    if any(len(content) > MAX_UPLOAD for content in files.values()):
        raise RefusedCallError(413, "Request Entity Too Large")
    if method == "sendMediaGroup":
        return _album(data, files)
    if method == "sendMessage":
        if not data.get("text", "").strip():
            raise RefusedCallError(400, "Bad Request: message text is empty")
        if _units(data["text"]) > MAX_TEXT:
            raise RefusedCallError(400, "Bad Request: message is too long")
        return [{"text": data["text"]}]
    if not files:
        raise RefusedCallError(400, "Bad Request: there is no file in the request")
    return [_file("photo" if method == "sendPhoto" else "document", data.get("caption", ""))]


def _album(data: Mapping[str, Any], files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    media = json.loads(data.get("media") or "[]")
    if not FEWEST <= len(media) <= MOST:
        raise RefusedCallError(400, "Bad Request: wrong number of media in the group")
    kinds = {one["type"] for one in media}
    if not any(kinds <= together for together in TOGETHER):
        raise RefusedCallError(400, "Bad Request: can't mix such media in an album")
    for one in media:
        if one["media"].removeprefix("attach://") not in files:
            raise RefusedCallError(400, "Bad Request: wrong file identifier/HTTP URL specified")
    group = {"media_group_id": str(next(_albums))}
    return [group | _file(one["type"], one.get("caption", "")) for one in media]


def _file(kind: str, caption: str) -> dict[str, Any]:
    if _units(caption) > MAX_CAPTION:
        raise RefusedCallError(400, "Bad Request: message caption is too long")
    file = {"file_id": "BQ-out", "file_unique_id": "u-out"}
    held = {"photo": [{**file, "width": 1, "height": 1}]} if kind == "photo" else {kind: file}
    return held | ({"caption": caption} if caption else {})


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
