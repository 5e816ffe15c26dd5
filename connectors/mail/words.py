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
    pending: tuple[str, bytes] | None = None
    position = 0
    for head, limit in zip(heads, limits, strict=True):
        between = text[position : head.start()]
        position, inner = _inner(text, head.end(), limit)
        charset, data = _word_bytes(head, inner)
        if pending is not None and not between.strip() and pending[0] == charset:
            pending = (charset, pending[1] + data)
            continue
        pieces.append(_flush(pending))
        pieces.append("" if pending is not None and not between.strip() else between)
        pending = (charset, data)
    return "".join((*pieces, _flush(pending), text[position:]))


def _inner(text: str, start: int, limit: int) -> tuple[int, str]:
    """Give where a word ends and what it holds; without an end mark it ends where the next begins."""
    end = text.find("?=", start, limit)
    return (limit, text[start:limit].rstrip()) if end < 0 else (end + 2, text[start:end])


def _flush(pending: tuple[str, bytes] | None) -> str:
    return decode_text(pending[1], pending[0]) if pending else ""


def _word_bytes(head: re.Match[str], inner: str) -> tuple[str, bytes]:
    charset = head[1].partition("*")[0].lower()
    data = inner.encode("utf-8", "replace")
    decode = _decode_b if head[2] in "bB" else _decode_q
    return charset, decode(data)


def _decode_q(data: bytes) -> bytes:
    return _HEX.sub(lambda match: bytes((int(match[1], 16),)), data.replace(b"_", b" "))


def _decode_b(data: bytes) -> bytes:
    data = _NOT_BASE64.sub(b"", data)
    if len(data) % 4 == 1:
        data = data[:-1]
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))
