"""What a VK message says: its words, what it forwards, where it was written, and its files. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.tolerant import fields, items, number, text_of
from connectors.vk.files import Fields, attachments
from schemas.base import MAX_FILES
from schemas.message import File
from schemas.proofs import code_in, read_payload

MENTION: Final = re.compile(r"\[(?:id|club|public|event)\d{1,20}\|([^\]\[|]{1,200})\]")
"""A mention as VK writes it: `[id1|Name]`."""
MAX_DEPTH: Final = 10
MAX_FORWARDS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one message says; `details` are small facts."""

    text: str
    files: tuple[File, ...]
    details: Mapping[str, Any]


def content_of(message: Fields) -> Content:
    """Read a message, with everything that it forwards. A proof of who somebody is stands in no text."""
    forwarded = list(forwards(message))
    own = _words(message)
    quoted = ["\n".join(f"> {part}" for part in _words(one)) for _, one in forwarded]
    place = _place(message)
    found = _files(message, *(one for _, one in forwarded))
    shown = [*own, *(quote for quote in quoted if quote)]
    if not shown and not found:
        shown = [f"[location] {place['latitude']}, {place['longitude']}" if place else "[message]"]
    details, text = _details(message, forwarded, place), "\n".join(shown)
    if code := code_in(text):
        return Content(text="", files=found, details={**details, "proof": code})
    return Content(text=text, files=found, details=details)


def forwards(message: Fields) -> Iterator[tuple[int, Fields]]:
    """Give every message that this one forwards, however deep, outer ones first, so many at most."""
    stack = [(1, item) for item in reversed(items(message.get("fwd_messages"), MAX_FORWARDS))]
    left = MAX_FORWARDS
    while stack and left:
        level, item = stack.pop()
        one = fields(item)
        left -= 1
        yield level, one
        if level < MAX_DEPTH:
            stack.extend((level + 1, inner) for inner in reversed(items(one.get("fwd_messages"), MAX_FORWARDS)))


def _words(message: Fields) -> list[str]:
    text = MENTION.sub(r"\1", text_of(message.get("text")))
    said = [item.said for item in attachments(message) if item.said]
    return [*(text.splitlines() if text.strip() else []), *said]


def _files(*messages: Fields) -> tuple[File, ...]:
    found: dict[str, File] = {}
    for message in messages:
        for item in attachments(message):
            if item.file is not None:
                found.setdefault(item.file.platform_id, item.file)
    return tuple(found.values())[:MAX_FILES]


def _details(message: Fields, forwarded: list[tuple[int, Fields]], place: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if forwarded:
        found["forwarded"] = [
            {"from": text_of(one.get("from_id"), 24), "depth": level} for level, one in forwarded[:20]
        ]
    if place:
        found["location"] = place
    if message.get("is_cropped") is True:
        found["cropped"] = True
    if payload := text_of(message.get("payload"), 1000):
        found["payload"] = payload
    for name in ("ref", "ref_source"):
        if value := text_of(message.get(name), 128):
            found["proof" if name == "ref" and read_payload(value) else name] = value
    return found


def _place(message: Fields) -> Mapping[str, Any]:
    geo = fields(message.get("geo"))
    point = fields(geo.get("coordinates"))
    latitude, longitude = number(point.get("latitude")), number(point.get("longitude"))
    if latitude is None or longitude is None:
        return {}
    title = text_of(fields(geo.get("place")).get("title"), 255)
    return {"latitude": latitude, "longitude": longitude, **({"title": title} if title else {})}
