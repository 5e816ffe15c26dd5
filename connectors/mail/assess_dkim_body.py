"""The body hash of a DKIM signature (RFC 6376 sections 3.4.3, 3.4.4, 3.7), linear in the body and in small pieces.

dkimpy makes copies of the whole body and strips it with expressions that take quadratic time on runs of blanks: one
mail of a megabyte of them would stop the process for minutes.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Final, Literal

Canonical = Literal["simple", "relaxed"]

PIECE: Final = 256 * 1024
_BLANKS: Final = re.compile(rb"[ \t]+")
_CRLF: Final = b"\r\n"


def body_digest(body: memoryview, canonical: Canonical, tick: Callable[[], None]) -> tuple[bytes, int]:
    """Give sha256 and length of the canonical body. Bare LF counts as CRLF. `tick` may raise to end it early."""
    digest, length = hashlib.sha256(), 0
    for piece in canonical_pieces(body, canonical):
        tick()
        digest.update(piece)
        length += len(piece)
    return digest.digest(), length


def canonical_pieces(body: memoryview, canonical: Canonical, size: int = PIECE) -> Iterator[bytes]:
    """Give the canonical body piece by piece: without the empty lines at its end, and closed by CRLF."""
    waiting, written = 0, False
    for piece in _lines_mended(body, size, relaxed=canonical == "relaxed"):
        text, ends = _without_empty_end(piece)
        if text:
            yield from _line_ends(waiting)
            yield text
            waiting, written = ends, True
        else:
            waiting += ends
    if written or canonical == "simple":
        yield _CRLF


def _line_ends(count: int) -> Iterator[bytes]:
    most = PIECE // len(_CRLF)
    while count > 0:
        yield _CRLF * min(count, most)
        count -= most


def _without_empty_end(piece: bytes) -> tuple[bytes, int]:
    """Cut the CRLFs at the end and count them."""
    text = piece.rstrip(_CRLF)
    tail = piece[len(text) :]
    kept = tail.rfind(b"\r\r") + 1 if tail.endswith(b"\n") else len(tail)
    return text + tail[:kept], (len(tail) - kept) // len(_CRLF)


def _lines_mended(body: memoryview, size: int, *, relaxed: bool) -> Iterator[bytes]:
    """Give pieces with CRLF at every line's end; no piece ends inside a line end or a run of blanks."""
    held = b""
    for start in range(0, len(body), size):
        piece = held + bytes(body[start : start + size])
        if relaxed:
            piece = _BLANKS.sub(b" ", piece)
        cut = len(piece) - _open_end(piece, relaxed=relaxed)
        held = piece[cut:]
        yield _mended(piece[:cut], relaxed=relaxed)
    if held:
        yield _mended(held + _CRLF if relaxed else held, relaxed=relaxed)


def _open_end(piece: bytes, *, relaxed: bool) -> int:
    """Count the octets at the end whose meaning the next piece decides."""
    tail = 1 if piece.endswith(b"\r") else 0
    if relaxed and piece.endswith(b" ", 0, len(piece) - tail):
        tail += 1
    return tail


def _mended(piece: bytes, *, relaxed: bool) -> bytes:
    piece = piece.replace(_CRLF, b"\n").replace(b"\n", _CRLF)
    return piece.replace(b" \r\n", _CRLF) if relaxed else piece
