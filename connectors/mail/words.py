"""Header text: RFC 2047 encoded words and raw 8-bit, decoded without ever raising.

Read leniently: words split inside a character are joined before decoding, blanks and question marks inside Q text are
accepted, so are a missing end mark, a language suffix (RFC 2231 section 5) and words inside quoted strings.
"""

import binascii
import re
from typing import Final

from connectors.mail.charsets import decode_text, decode_unlabelled

_HEAD: Final = re.compile(r"=\?([^?\s=]{1,60})\?([bBqQ])\?")
_HEX: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x80-\x9f\ud800-\udfff]+")
MAX_HEADER_VALUE: Final = 64 * 1024
"""Octets of one field that are decoded for display; ids are read from the whole."""


def decode_value(value: bytes, hint: str = "") -> str:
    """Decode one field's value to clean text. `hint`: the charset that the mail declares elsewhere."""
    value = value[:MAX_HEADER_VALUE]
    text = value.decode("ascii") if value.isascii() else decode_unlabelled(value, hint)
    if "=?" in text:
        text = decode_words(text)
    return clean_line(text)


def clean_line(text: str) -> str:
    """Remove what a line of text cannot hold: line ends, NUL and other controls, lone surrogates."""
    return _CONTROL.sub(" ", text).strip() if not text.isprintable() else text.strip()


def decode_words(text: str) -> str:
    """Decode every encoded word; blanks between two of them vanish (RFC 2047 section 6.2)."""
    heads = list(_HEAD.finditer(text))
    limits = [*(head.start() for head in heads[1:]), len(text)][: len(heads)]
    pieces: list[str] = []
    pending = _Pending()
    position = 0
    for head, limit in zip(heads, limits, strict=True):
        between = text[position : head.start()]
        position, inner = _inner(text, head.end(), limit)
        charset, encoding = head[1].partition("*")[0].lower(), head[2].upper()
        if between.strip() or charset != pending.charset:
            pieces.append(pending.take(charset))
            pieces.append(between if between.strip() or len(pieces) == 1 else "")
        pending.add(encoding, inner.encode("utf-8", "replace"))
    return "".join((*pieces, pending.take(""), text[position:]))


class _Pending:
    """Neighbouring words of one charset, joined as bytes before they are decoded."""

    def __init__(self) -> None:
        self.charset = ""
        self._words: list[tuple[str, bytes]] = []

    def add(self, encoding: str, data: bytes) -> None:
        """Add a word; base64 that was cut inside a group of four goes on in the next word."""
        if self._words and encoding == "B" == self._words[-1][0]:
            before = self._words[-1][1]
            if len(before) % 4 and not before.endswith(b"="):
                self._words[-1] = ("B", before + data)
                return
        self._words.append((encoding, data))

    def take(self, charset: str) -> str:
        """Decode what was gathered, and begin anew."""
        data = b"".join(_decode_b(word) if encoding == "B" else _decode_q(word) for encoding, word in self._words)
        text = decode_text(data, self.charset) if self._words else ""
        self.charset, self._words = charset, []
        return text


def _inner(text: str, start: int, limit: int) -> tuple[int, str]:
    """Give where a word ends and what it holds; without an end mark it ends where the next begins."""
    end = text.find("?=", start, limit)
    return (limit, text[start:limit].rstrip()) if end < 0 else (end + 2, text[start:end])


def _decode_q(data: bytes) -> bytes:
    return _HEX.sub(lambda match: bytes((int(match[1], 16),)), data.replace(b"_", b" "))


def _decode_b(data: bytes) -> bytes:
    data = _NOT_BASE64.sub(b"", data)
    if len(data) % 4 == 1:
        data = data[:-1]
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))
