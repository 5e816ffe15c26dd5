"""Attachments of VK messages. Pure. Source: VK API schema, `messages_message_attachment`.

Photos, documents, voice and drawings are files that are fetched; a video has no file URL, and what else VK has (songs,
posts, goods, polls, gifts) becomes a line that says what it is and where.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from connectors.making import line
from connectors.tolerant import fields, items, text_of, whole
from schemas.base import MAX_FILE_BYTES, MAX_FILES
from schemas.message import File, FileState

Fields = Mapping[str, Any]
SITE: Final = "https://vk.com"
OWNERS: Final = 24


class Found(NamedTuple):
    """What one attachment is: a file and where it lies, or a line for people."""

    file: File | None = None
    url: str = ""
    said: str = ""


def attachments(message: Fields) -> Iterator[Found]:
    """Read a message's attachments, in order."""
    for item in items(message.get("attachments"), MAX_FILES):
        kind = text_of(fields(item).get("type"), 32)
        if kind:
            yield _READERS.get(kind, _other)(kind, fields(fields(item).get(kind)))


def _photo(kind: str, photo: Fields) -> Found:
    """Take the largest size; `orig_photo` is what was uploaded, where VK tells of it."""
    sizes = [fields(size) for size in items(photo.get("sizes"), 100)]
    best = max([*sizes, fields(photo.get("orig_photo"))], key=_area)
    name = _id(photo)
    return _file(kind, photo, name=f"photo{name}.jpg", content_type="image/jpeg", url=_url(best))


def _area(size: Fields) -> tuple[bool, int]:
    return bool(_url(size)), (whole(size.get("width")) or 0) * (whole(size.get("height")) or 0)


def _doc(kind: str, doc: Fields) -> Found:
    title, extension = line(text_of(doc.get("title"), 255)), line(text_of(doc.get("ext"), 16))
    named = title.lower().endswith(f".{extension.lower()}") or not extension
    name = title if named else f"{title}.{extension}"
    return _file(kind, doc, name=name[-255:], content_type="application/octet-stream", url=_url(doc))


def _voice(kind: str, voice: Fields) -> Found:
    url = text_of(voice.get("link_ogg"), 4000) or text_of(voice.get("link_mp3"), 4000)
    is_ogg = bool(voice.get("link_ogg"))
    name = "voice.ogg" if is_ogg else "voice.mp3"
    return _file(kind, voice, name=name, content_type="audio/ogg" if is_ogg else "audio/mpeg", url=url)


def _drawing(kind: str, drawing: Fields) -> Found:
    return _file(kind, drawing, name="drawing.png", content_type="image/png", url=_url(drawing))


def _file(kind: str, item: Fields, *, name: str, content_type: str, url: str) -> Found:
    size = whole(item.get("size"))
    file = File(
        name=name, content_type=content_type, size=size, state=FileState.PENDING, platform_id=f"{kind}{_id(item)}"
    )
    if size is not None and size > MAX_FILE_BYTES:
        refusal = f"{size:,} bytes; the limit is {MAX_FILE_BYTES:,}"
        file = file.model_copy(update={"state": FileState.REFUSED, "reason": refusal})
    elif not url:
        file = file.model_copy(update={"state": FileState.FAILED, "reason": "VK named no address for it"})
    return Found(file=file, url=url)


def _video(kind: str, video: Fields) -> Found:
    return Found(said=_said(kind, line(text_of(video.get("title"), 255)), f"{SITE}/video{_id(video)}"))


def _link(kind: str, link: Fields) -> Found:
    return Found(said=_said(kind, line(text_of(link.get("title"), 255)), line(text_of(link.get("url"), 2000))))


def _wall(kind: str, post: Fields) -> Found:
    where = f"{SITE}/wall{_id(post)}" if _number(post.get("owner_id")) else ""
    return Found(said=_said(kind, line(text_of(post.get("text"), 400)), where))


def _other(kind: str, item: Fields) -> Found:
    """Name what has no reader of its own, with the title that most of them have."""
    title = next((text for key in ("title", "question", "text") if (text := line(text_of(item.get(key), 255)))), "")
    artist = line(text_of(item.get("artist"), 255))
    return Found(said=_said(kind, " - ".join(part for part in (artist, title) if part)))


def _said(kind: str, *parts: str) -> str:
    return " ".join(part for part in (f"[{kind}]", *parts) if part)


def _url(item: Fields) -> str:
    return text_of(item.get("url"), 4000) or text_of(item.get("src"), 4000)


def _id(item: Fields) -> str:
    """Name an object as VK does: its owner (groups are negative) and its number."""
    return f"{_number(item.get('owner_id'))}_{_number(item.get('id'))}"


def _number(value: object) -> str:
    return str(value)[:OWNERS] if isinstance(value, int) and not isinstance(value, bool) else ""


def urls(messages: Sequence[Fields]) -> dict[str, str]:
    """Give where the files of these messages lie, by platform id."""
    found = (item for message in messages for item in attachments(message))
    return {item.file.platform_id: item.url for item in found if item.file is not None and item.url}


_READERS: Final[Mapping[str, Callable[[str, Fields], Found]]] = {
    "photo": _photo,
    "doc": _doc,
    "audio_message": _voice,
    "graffiti": _drawing,
    "video": _video,
    "link": _link,
    "wall": _wall,
}
