"""A text with its entities as plain text that says as much: links are written out, block quotes are marked.

Offsets count UTF-16 code units (Bot API, MessageEntity). An entity that points outside of its text is left out.
"""

from collections.abc import Iterator
from typing import Final

from connectors.making import clean
from connectors.telegram.shapes import Json, number, parts, raw_text, words

_QUOTES: Final = {"blockquote", "expandable_blockquote"}
_MAX_ENTITIES: Final = 1000
_MAX_URL: Final = 2048


def readable(of: Json, text_key: str = "text", entities_key: str = "entities") -> str:
    """Give a text, cleaned, with what its entities hold beside the letters."""
    text = raw_text(of, text_key)
    added = sorted(_additions(of, entities_key, text))
    if not added:
        return clean(text)
    pieces, start = [], 0
    for position, extra in added:
        pieces += [text[start:position], extra]
        start = position
    return clean("".join([*pieces, text[start:]]))


def command(message: Json, name: str) -> str | None:
    """Give what follows `/name` at the start of a text, also when it is written `/name@our_bot`; None without it."""
    first, _, rest = raw_text(message, "text").partition(" ")
    return clean(rest).strip() if first.partition("@")[0] == f"/{name}" else None


def quoted(text: str) -> str:
    """Mark every line as quoted."""
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _additions(of: Json, key: str, text: str) -> Iterator[tuple[int, str]]:
    """Give what is to be written where."""
    positions = _positions(text)
    for _, entity in zip(range(_MAX_ENTITIES), parts(of, key), strict=False):
        offset, length = number(entity, "offset"), number(entity, "length")
        if offset is None or length is None or offset < 0 or length < 1 or offset + length >= len(positions):
            continue
        start, end = positions[offset], positions[offset + length]
        kind, url = words(entity, "type"), words(entity, "url", _MAX_URL)
        if kind == "text_link" and url and text[start:end].strip() != url:
            yield end, f" <{url}>"
        elif kind in _QUOTES:
            yield from ((index, "> ") for index in _line_starts(text, start, end))


def _positions(text: str) -> list[int]:
    """Map every UTF-16 offset to an index into the text; both halves of a pair lead to their letter."""
    found = [index for index, letter in enumerate(text) for _ in range(2 if letter > "\uffff" else 1)]
    return [*found, len(text)]


def _line_starts(text: str, start: int, end: int) -> Iterator[int]:
    yield start
    yield from (index + 1 for index in range(start, end - 1) if text[index] == "\n")
