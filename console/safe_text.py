"""Makes text from strangers fit for a terminal."""

import re
from typing import Final

from schemas.numbers import is_valid, shown

_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")


_NUMBER: Final = re.compile(r"(?<![\w-])[0-9]{10}(?![\w-])")


def plain(text: str, *, limit: int | None = None) -> str:
    """Give one line without control characters, which could move the cursor or hide text (ECMA-48, Unicode bidi).

    `limit` cuts, in characters.
    """
    line = _UNFIT.sub(" ", text).strip()
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def told(text: str) -> str:
    """Give a sentence of ours on one line, with its ticket numbers in groups, as they are read out."""
    return plain(_NUMBER.sub(lambda found: shown(found[0]) if is_valid(found[0]) else found[0], text))


def paragraphs(text: str) -> str:
    """Give text of several lines, each without control characters."""
    return "\n".join(plain(line) for line in text.splitlines())
