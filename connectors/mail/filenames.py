"""Names of attachments: data, never paths, and harmless wherever they are shown or saved."""

import mimetypes
import re
from typing import Final

from connectors.mail.fields import Head, find_body
from connectors.mail.params import Parameters
from connectors.mail.words import decode_value

_MAX: Final = 255
_HARMFUL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_SEPARATOR: Final = re.compile(r"[/\\]")
_ABSOLUTE: Final = re.compile(r"^[A-Za-z]:|^[/\\~]|\\|(?:^|/)\.\.?/")
_EXTENSIONS: Final = {
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "text/calendar": ".ics",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/rfc822-headers": ".txt",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "image/jpeg": ".jpg",
    "image/pjpeg": ".jpg",
    "application/ms-tnef": ".dat",
    "application/pgp-signature": ".asc",
}
_STEMS: Final = {
    "message/rfc822": "message",
    "message/global": "message",
    "message/delivery-status": "delivery-status",
    "message/disposition-notification": "receipt",
    "text/rfc822-headers": "headers",
    "text/calendar": "calendar",
    "application/pgp-signature": "signature",
}


def file_name(disposition: Parameters, type_parameters: Parameters, hint: str) -> str:
    """Give the name that the sender gave, made harmless; empty when there is none."""
    written = disposition.text("filename", hint) or type_parameters.text("name", hint) or disposition.text("name", hint)
    return safe_name(written)


def safe_name(written: str) -> str:
    """Remove control and direction characters and the folders of a path; at most 255 characters.

    A slash in what is no path (`Invoice 12/2024.pdf`) becomes an underscore instead of losing what stands before it.
    """
    text = _HARMFUL.sub("", written).strip()
    if _ABSOLUTE.search(text):
        pieces = [piece.strip() for piece in _SEPARATOR.split(text)]
        text = next((piece for piece in reversed(pieces) if piece.strip(". ")), "")
        text = text[2:] if text[1:2] == ":" else text
    name = _SEPARATOR.sub("_", text).strip()
    name = name if name.strip("._ ") else ""
    return name if len(name) <= _MAX else _shorten(name)


def default_name(media_type: str, content: bytes, number: int) -> str:
    """Name a part that has no name: an embedded message after its subject, others after their type."""
    extension = _EXTENSIONS.get(media_type) or mimetypes.guess_extension(media_type) or ".bin"
    stem = _subject_of(content) if extension == ".eml" else ""
    return f"{stem or _STEMS.get(media_type, f'part-{number}')}{extension}"


def _subject_of(content: bytes) -> str:
    head = Head(content[: find_body(content, 0, min(len(content), 64 * 1024))])
    subject = decode_value(head.first("subject"))
    return safe_name(subject.replace("/", "-").replace("\\", "-"))[:100].strip(" .")


def _shorten(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 20:  # noqa: PLR2004 - that is no extension
        return name[:_MAX]
    return f"{stem[: _MAX - len(extension) - 1]}.{extension}"
