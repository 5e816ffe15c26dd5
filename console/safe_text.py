"""Makes text from strangers fit for a terminal."""

import re
from typing import Final

_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")


def plain(text: str, *, limit: int | None = None) -> str:
    """Give one line without control characters, which could move the cursor or hide text (ECMA-48, Unicode bidi).

    `limit` cuts, in characters.
    """
    line = _UNFIT.sub(" ", text).strip()
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def paragraphs(text: str) -> str:
    """Give text of several lines, each without control characters."""
    return "\n".join(plain(line) for line in text.splitlines())
