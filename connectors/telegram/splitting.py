"""Cuts what goes out into what Telegram takes: UTF-16 units, files alone or in albums.

Source: Bot API, sendMessage, sendDocument, sendPhoto; sendMediaGroup: 2 to 10 files, documents among themselves.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from connectors.albums import albums
from connectors.pieces import pieces, utf16
from connectors.sending import CannotSendError, ChatFile, ChatLetter, Part
from connectors.telegram.ids import read_address

MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024
"""UTF-16 units of a message and of a file's caption."""
MAX_UPLOAD: Final = 50 * 1024 * 1024
MAX_PHOTO: Final = 10 * 1024 * 1024
"""Bytes; a larger picture goes as a document."""

MOST_FILES: Final = 10
"""Of an album."""
MAX_ALBUM: Final = MAX_UPLOAD
"""Bytes of an album, so that one call is no larger than one file may be."""

ALBUM: Final = "sendMediaGroup"
_KINDS: Final = {"sendPhoto": "photo", "sendDocument": "document"}
_PHOTOS: Final = {"image/jpeg", "image/png"}


def split(letter: ChatLetter) -> Sequence[Part]:
    """Give the calls, in order: the text, then each file; a short text goes as the first file's caption."""
    if read_address(letter.to) is None:
        raise CannotSendError("this is no chat of Telegram")
    large = next((file for file in letter.files if file.size > MAX_UPLOAD), None)
    if large is not None:
        raise CannotSendError(f"{large.name[:120]}: {large.size} bytes (Telegram takes {MAX_UPLOAD})")
    payloads = list(_payloads(letter))
    if not payloads:
        raise CannotSendError("there is neither text nor file")
    if letter.answers.isdigit():
        payloads[0][0]["answers"] = int(letter.answers)
    return [
        Part(
            index=index,
            to=letter.to,
            payload=payload,
            file=files[0] if len(files) == 1 else None,
            album=files if len(files) > 1 else (),
        )
        for index, (payload, files) in enumerate(payloads)
    ]


def _payloads(letter: ChatLetter) -> Iterator[tuple[dict[str, Any], Sequence[ChatFile]]]:
    text = letter.text.strip()
    caption = text if letter.files and utf16(text) <= MAX_CAPTION and text else ""
    if not caption:
        for piece in pieces(text, limit=MAX_TEXT, measure=utf16):
            yield {"method": "sendMessage", "text": piece}, ()
    for number, (kind, files) in enumerate(albums(letter.files, kind=method_of, most=MOST_FILES, size=MAX_ALBUM)):
        payload = {"method": kind} if len(files) == 1 else {"method": ALBUM, "kind": _KINDS[kind]}
        yield payload | ({"caption": caption} if caption and number == 0 else {}), files


def method_of(file: ChatFile) -> str:
    """Give the method that sends a file alone."""
    kind = file.content_type.partition(";")[0].strip().lower()
    return "sendPhoto" if kind in _PHOTOS and 0 < file.size <= MAX_PHOTO else "sendDocument"
