"""Attachments as data: named, counted, digested."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.mail.filenames import default_name, file_name, safe_name
from connectors.mail.parts import Part
from connectors.mail.words import clean_line, decode_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One file. `name` is harmless; `named` says whether the sender gave it. `content_id` has no brackets."""

    name: str
    named: bool
    content_type: str
    content: bytes = field(repr=False)
    sha256: str
    content_id: str = ""
    inline: bool = False

    @property
    def size(self) -> int:
        """Decoded size in bytes."""
        return len(self.content)


def collect_files(parts: Sequence[Part], uuencoded: Sequence[tuple[bytes, bytes]], hint: str) -> tuple[Attachment, ...]:
    """Make attachments of the parts that are no body, and of files found inside a text."""
    found = [_of_part(part, number, part.charset or hint) for number, part in enumerate(parts, start=1)]
    found.extend(_of_uuencoded(name, content, len(found)) for name, content in uuencoded)
    return tuple(found)


def _of_part(part: Part, number: int, hint: str) -> Attachment:
    name = file_name(part.disposition, part.type_parameters, hint)
    content_id = decode_value(part.head.first("content-id")).strip("<> ")
    return Attachment(
        name=name or default_name(part.media_type, part.content, number),
        named=bool(name),
        content_type=part.media_type,
        content=part.content,
        sha256=hashlib.sha256(part.content).hexdigest(),
        content_id=content_id,
        inline=part.disposition.value == "inline" or (bool(content_id) and part.disposition.value != "attachment"),
    )


def _of_uuencoded(name: bytes, content: bytes, number: int) -> Attachment:
    written = safe_name(clean_line(name.decode("utf-8", "replace")))
    return Attachment(
        name=written or default_name("application/octet-stream", b"", number),
        named=bool(written),
        content_type="application/octet-stream",
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
    )
