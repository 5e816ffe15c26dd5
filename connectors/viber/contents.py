"""What a Viber message holds: text, files that are fetched later, and facts. Pure, and no shape of JSON surprises it.

Source: Viber REST API, "Receive message from user". Its types are text, picture, video, file, sticker, contact, url
and location; another one becomes a message that names it, so that somebody looks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.tolerant import fields, number, text_of, whole
from schemas.message import File, FileState
from schemas.proofs import code_in

MAX_FILE: Final = 20 * 1024 * 1024
MEDIA: Final = "media"
"""The platform id of a message's only file: Viber names files by a URL alone, which stays in the raw delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one message says."""

    text: str = ""
    files: tuple[File, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def content_of(message: Mapping[str, Any]) -> Content:
    """Read a message of any type."""
    kind = text_of(message.get("type"), 32)
    return _READERS.get(kind, _unknown)(message)


def _text(message: Mapping[str, Any]) -> Content:
    """Read words. A one-time code is a proof of who somebody is, and stands in no text."""
    text = text_of(message.get("text"))
    code = code_in(text)
    return Content(details={"proof": code}) if code else Content(text=text)


def _picture(message: Mapping[str, Any]) -> Content:
    return _media(message, "picture", "image/jpeg", "")


def _video(message: Mapping[str, Any]) -> Content:
    found = _media(message, "video", "video/mp4", "")
    duration = whole(message.get("duration"))
    return found if duration is None else _with(found, {"duration": duration})


def _file(message: Mapping[str, Any]) -> Content:
    return _media(message, "file", "application/octet-stream", text_of(message.get("file_name"), 255))


def _media(message: Mapping[str, Any], kind: str, content_type: str, name: str) -> Content:
    size = whole(message.get("size")) or whole(message.get("file_size")) or None  # 0 says that Viber does not know
    file = File(name=name, content_type=content_type, size=size, state=FileState.PENDING, platform_id=MEDIA)
    if size is not None and size > MAX_FILE:
        refusal = f"{size:,} bytes; the limit is {MAX_FILE:,}"
        file = file.model_copy(update={"state": FileState.REFUSED, "reason": refusal})
    elif not text_of(message.get("media")):
        file = file.model_copy(update={"state": FileState.FAILED, "reason": "Viber named no address for it"})
    return Content(text=text_of(message.get("text")), files=(file,), details={"type": kind})


def _sticker(message: Mapping[str, Any]) -> Content:
    sticker = whole(message.get("sticker_id"))
    return Content(text="[sticker]", details={"type": "sticker", "sticker_id": sticker})


def _contact(message: Mapping[str, Any]) -> Content:
    """Read a card of the sender's address book: anybody's, so never proof of who writes."""
    card = fields(message.get("contact"))
    name, phone = text_of(card.get("name"), 255), text_of(card.get("phone_number"), 64)
    shown = " ".join(part for part in (name, phone) if part)
    return Content(
        text=f"[contact] {shown}".rstrip(),
        details={"type": "contact", "contact": {"name": name, "phone": phone, "own": False}},
    )


def _url(message: Mapping[str, Any]) -> Content:
    words = (text_of(message.get("text")), text_of(message.get("media"), 2000))
    return Content(text="\n".join(dict.fromkeys(word for word in words if word)), details={"type": "url"})


def _location(message: Mapping[str, Any]) -> Content:
    place = fields(message.get("location"))
    latitude, longitude = number(place.get("lat")), number(place.get("lon"))
    if latitude is None or longitude is None:
        return Content(text="[location]", details={"type": "location"})
    where = {"latitude": latitude, "longitude": longitude}
    return Content(text=f"[location] {latitude}, {longitude}", details={"type": "location", "location": where})


def _unknown(message: Mapping[str, Any]) -> Content:
    """Keep whatever has words or an address, and say what it is."""
    kind = text_of(message.get("type"), 32)
    found = _media(message, kind, "application/octet-stream", "") if message.get("media") else _text(message)
    text = "\n".join(part for part in (f"[{kind or 'message'}]", found.text) if part)
    return Content(text=text, files=found.files, details={"type": kind or "unknown"})


def _with(content: Content, more: Mapping[str, Any]) -> Content:
    return Content(text=content.text, files=content.files, details={**content.details, **more})


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Content]]] = {
    "text": _text,
    "picture": _picture,
    "video": _video,
    "file": _file,
    "sticker": _sticker,
    "contact": _contact,
    "url": _url,
    "location": _location,
}
