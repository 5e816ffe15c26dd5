"""What we say on Viber, in messages that Viber takes. Pure. Source: Viber REST API, "Message types"."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.pieces import pieces, utf16
from connectors.sending import CannotSendError, ChatFile, ChatLetter, Part
from connectors.viber.client import MAX_BODY, encoded

MAX_TEXT: Final = 7000
"""Letters of a text, counted in UTF-16 units to be safe."""
MAX_PICTURE: Final = 1024 * 1024
MAX_FILE: Final = 50 * 1024 * 1024
PICTURES: Final = ("image/jpeg", "image/png")
NAME: Final = 256
ROOM: Final = 2048
"""Bytes of a call's body beside its text."""


def split(letter: ChatLetter, *, sender_name: str) -> Sequence[Part]:
    """Cut it: the text in as few messages as can be, then each file. Viber has no replies to a message."""
    payloads = [*_texts(letter), *(_file(file) for file in letter.files)]
    if not payloads:
        raise CannotSendError("there is nothing to send")
    head = {"receiver": letter.to, "min_api_version": 1, "sender": {"name": sender_name}}
    files: list[ChatFile | None] = [None] * (len(payloads) - len(letter.files))
    return [
        Part(index=index, to=letter.to, payload={**head, "tracking_data": str(letter.number), **payload}, file=file)
        for index, (payload, file) in enumerate(zip(payloads, [*files, *letter.files], strict=True))
    ]


def _texts(letter: ChatLetter) -> Iterator[Mapping[str, Any]]:
    for piece in pieces(letter.text, limit=MAX_TEXT, measure=_measure):
        yield {"type": "text", "text": piece}


def _measure(text: str) -> int:
    """Count letters, or bytes as they are written in the call, whichever is nearer to its limit."""
    return max(utf16(text), -(-len(encoded({"": text})) * MAX_TEXT // (MAX_BODY - ROOM)))


def _file(file: ChatFile) -> Mapping[str, Any]:
    """Announce a file. Viber fetches it from a link of ours, which `send` fills in."""
    if file.size > MAX_FILE:
        raise CannotSendError(f"{file.name}: {file.size:,} bytes; Viber takes {MAX_FILE:,}")
    if file.content_type in PICTURES and file.size <= MAX_PICTURE:
        return {"type": "picture", "text": "", "media": ""}
    return {"type": "file", "media": "", "size": file.size, "file_name": (file.name or "file")[-NAME:]}
