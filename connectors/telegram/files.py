"""Files of a Telegram message: where they lie at Telegram is named by `file_id`, never by a path or URL."""

from collections.abc import Iterator
from typing import Final

from connectors.telegram.shapes import Json, number, part, parts, raw_text, words
from schemas.base import MAX_FILE_BYTES, MAX_FILES
from schemas.message import File, FileState

KINDS: Final = {
    "live_photo": "video/mp4",
    "animation": "video/mp4",
    "document": "application/octet-stream",
    "audio": "audio/mpeg",
    "voice": "audio/ogg",
    "video": "video/mp4",
    "video_note": "video/mp4",
}
"""Kinds of content that are one file, and the type when Telegram names none."""

_MAX_FILE_ID: Final = 998
_MAX_DEPTH: Final = 12
_BIDI: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F))
"""Letters that make a name read otherwise than it is."""


def read_files(message: Json) -> tuple[File, ...]:
    """Give a message's files, at most 100: the largest size of a photo, each file once."""
    found = {file.platform_id: file for file in _all(message)}
    return tuple(found.values())[:MAX_FILES]


def _all(message: Json) -> Iterator[File]:
    yield from _photo(message, "photo")
    for key in KINDS:
        if key == "document" and "animation" in message:
            continue  # the same file again, for bots that know no animations
        yield from _one(part(message, key), KINDS[key])
    yield from _sticker(part(message, "sticker"))
    for media in parts(part(message, "paid_media"), "paid_media"):
        yield from _photo(media, "photo")
        yield from _one(part(media, "video"), "video/mp4")
        yield from _one(part(media, "live_photo"), "video/mp4")
    yield from _photo(part(message, "game"), "photo")
    yield from _blocks(part(message, "rich_message"), _MAX_DEPTH)


def _blocks(of: Json, depth: int) -> Iterator[File]:
    """Give the files of a rich message: its blocks stand in each other."""
    for block in parts(of, "blocks") if depth else ():
        yield from _photo(block, "photo")
        for key in ("animation", "audio", "video", "voice_note"):
            yield from _one(part(block, key), KINDS.get(key, "audio/ogg"))
        yield from _blocks(block, depth - 1)


def _photo(of: Json, key: str) -> Iterator[File]:
    sizes = [size for size in parts(of, key) if words(size, "file_id", _MAX_FILE_ID)]
    if sizes:
        yield from _one(max(sizes, key=_pixels), "image/jpeg")


def _pixels(size: Json) -> int:
    return max(number(size, "width") or 0, 0) * max(number(size, "height") or 0, 0)


def _sticker(sticker: Json) -> Iterator[File]:
    moving = "application/x-tgsticker" if sticker.get("is_animated") is True else "image/webp"
    yield from _one(sticker, "video/webm" if sticker.get("is_video") is True else moving)


def _one(of: Json, usual_type: str) -> Iterator[File]:
    file_id = words(of, "file_id", _MAX_FILE_ID)
    if not file_id:
        return
    name, size = _name(of), _size(of)
    refused = size is not None and size > MAX_FILE_BYTES
    yield File(
        name=name,
        content_type=words(of, "mime_type").lower() or usual_type,
        size=size,
        state=FileState.REFUSED if refused else FileState.PENDING,
        reason=f"refused: {name[:120]}, {size} bytes (limit {MAX_FILE_BYTES})" if refused else "",
        platform_id=file_id,
    )


def _name(of: Json) -> str:
    """Give a name without folders: it is data, and whoever saves under it must land where he wants."""
    name = raw_text(of, "file_name").replace("\\", "/").rpartition("/")[2]
    return words({"name": name.translate(_BIDI)}, "name").lstrip(".")


def _size(of: Json) -> int | None:
    size = number(of, "file_size")
    return size if size is not None and 0 <= size < 2**53 else None
