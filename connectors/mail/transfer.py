"""Content-Transfer-Encoding undone: RFC 2045 section 6, and uuencode. Never raises; what is broken is kept in part."""

import binascii
import re
from typing import Final

_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/=]")
_UU_BEGIN: Final = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,250})\r?\n", re.MULTILINE)
_ALPHABET: Final = re.compile(rb"[A-Za-z0-9+/\s]*={0,2}")


def decode_transfer(data: bytes, encoding: bytes) -> bytes:
    """Undo the encoding named in the field; unknown names mean none."""
    name = encoding.lower().strip(b" \t\"';").split(b";")[0].split(b" ")[0]
    if name in {b"base64", b"base-64", b"x-base64", b"b64"}:
        return decode_base64(data)
    if name in {b"quoted-printable", b"quotedprintable", b"quoted_printable", b"qp"}:
        return decode_quoted_printable(data)
    if name in {b"x-uuencode", b"uuencode", b"x-uue", b"uue", b"x-uu"}:
        return decode_uuencode(data)
    return data


def decode_base64(data: bytes) -> bytes:
    """Decode base64; a truncated end keeps its whole octets, foreign text after the padding is left out."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        pass
    clean = _NOT_BASE64.sub(b"", data).rstrip(b"=")
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    try:
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
    except binascii.Error:
        return binascii.a2b_base64(_cut(clean.partition(b"=")[0]))


def _cut(clean: bytes) -> bytes:
    clean = clean[: len(clean) - (len(clean) % 4 == 1)]
    return clean + b"=" * (-len(clean) % 4)


def decode_quoted_printable(data: bytes) -> bytes:
    """Decode quoted-printable; what is no valid escape stays as written (RFC 2045 section 6.7, note 2)."""
    return binascii.a2b_qp(data)


def decode_uuencode(data: bytes) -> bytes:
    """Decode one uuencoded file, with or without its `begin` line; stops at `end` or at the first line that is none."""
    begin = _UU_BEGIN.search(data)
    lines = data[begin.end() if begin else 0 :].splitlines()
    return b"".join(_uu_lines(lines))


def _uu_lines(lines: list[bytes]) -> list[bytes]:
    decoded = []
    for line in lines:
        if line.strip() in {b"end", b"`", b""}:
            if line.strip() == b"end":
                break
            continue
        decoded.append(_uu_line(line))
    return decoded


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        size = (((line[0] - 32) & 63) * 4 + 5) // 3
    try:
        return binascii.a2b_uu(line[:size])
    except binascii.Error:
        return b""


def split_uuencoded(text: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Take uuencoded files out of a text body: the text without them, and (name, content) of each."""
    if b"begin " not in text and b"begin-base64 " not in text:
        return text, []
    kept, files, position = [], [], 0
    for begin in _UU_BEGIN.finditer(text):
        if begin.start() < position:
            continue
        end = _uu_end(text, begin)
        if end < 0:
            break  # looking on from every further beginning would be quadratic
        kept.append(text[position : begin.start()])
        files.append((begin[1].strip(), _uu_content(text[begin.start() : end])))
        position = end
    kept.append(text[position:])
    return b"".join(kept), files


def _uu_end(text: bytes, begin: re.Match[bytes]) -> int:
    mark = b"====" if begin[0].startswith(b"begin-base64") else b"end"
    found = re.compile(rb"^" + mark + rb"[ \t]*\r?(?:\n|\Z)", re.MULTILINE).search(text, begin.end())
    return found.end() if found else -1


def _uu_content(block: bytes) -> bytes:
    if block.startswith(b"begin-base64"):
        return decode_base64(block.partition(b"\n")[2].rsplit(b"====", 1)[0])
    return decode_uuencode(block)
