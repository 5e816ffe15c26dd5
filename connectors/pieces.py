"""Long texts in pieces that a platform takes, each measured in the platform's own units. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

Measure = Callable[[str], int]

BREAKS: Final = ("\n\n", "\n", ". ", " ")
"""Where a text is cut rather than anywhere, the best first."""
JOINERS: Final = "\u200d\ufe0f\ufe0e"
"""Letters that belong to the one before: a piece never begins with them."""


def utf16(text: str) -> int:
    """Count UTF-16 units: a letter beyond the basic plane has two."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def pieces(text: str, *, limit: int, measure: Measure = len) -> Sequence[str]:
    """Cut a text; every piece measures `limit` at most, and together they say the same words in the same order.

    Blank space at a cut is dropped. `measure` never shrinks when a text grows.
    """
    found, rest = [], text.strip()
    while measure(rest) > limit:
        at = _cut(rest, _fitting(rest, limit, measure))
        found.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [piece for piece in (*found, rest) if piece]


def _fitting(text: str, limit: int, measure: Measure) -> int:
    """Find how many letters fit, one at the least."""
    low, high = 1, min(len(text), max(limit, 1))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) <= limit else (low, middle - 1)
    return low


def _cut(text: str, most: int) -> int:
    """Choose where to cut in the last third of what fits; in the middle of a word only when nothing else is there."""
    for mark in BREAKS:
        at = text.rfind(mark, most - most // 3, most)
        if at > 0:
            return at + len(mark.rstrip())
    while most > 1 and most < len(text) and (text[most] in JOINERS or text[most - 1] == "\u200d"):
        most -= 1
    return most
