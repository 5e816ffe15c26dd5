"""Message-IDs: found in any field that quotes them, brought to one form, digested.

One form: no angle brackets, no white space or folding, no comments; the part after the last @ in lower case, because
domains have no case (RFC 5321 section 2.4) and some clients change theirs, while the part before it has (RFC 5322
section 3.6.4).
"""

import hashlib
import re
from typing import Final

from schemas.base import MAX_QUOTED_IDS
from schemas.message import ThreadId

_BRACKETED: Final = re.compile(r"<([^<>]*)(?:>|\Z)")
_COMMENT: Final = re.compile(r"\([^()<>]*\)")
_BLANK: Final = re.compile(r"[\s\x00-\x20\x7f]+")
_SHOWN: Final = 255


def ids_in(value: bytes) -> list[str]:
    """Give every id of a Message-ID, In-Reply-To or References field in order, each once, as written but for blanks.

    Bracketed ids win; without brackets every word with an @ counts (Exchange, old clients), prose around it does not;
    a field of one single word is an id even without @.
    """
    text = value.decode("utf-8", "replace")
    found = [match[1] for match in _BRACKETED.finditer(text)] if "<" in text else _unbracketed(text)
    compact = (_BLANK.sub("", item).strip("<>") for item in found)
    return list({normalize_id(item): item for item in reversed(list(compact)) if item}.values())[::-1]


def normalize_id(text: str) -> str:
    """Bring one id to its one form; empty when nothing is left."""
    text = _BLANK.sub("", text).strip("<>")
    local, at, domain = text.rpartition("@")
    return f"{local}{at}{domain.lower()}" if at else text


def first_and_last(ids: list[str]) -> list[str]:
    """Keep the first 50 and the last 50: the thread's root and its nearest ancestors."""
    half = MAX_QUOTED_IDS // 2
    return ids if len(ids) <= MAX_QUOTED_IDS else [*ids[:half], *ids[-half:]]


def thread_id(written: str) -> ThreadId:
    """Digest an id in its one form; `shown` is the id as written, cut for display."""
    digest = hashlib.sha256(normalize_id(written).encode("utf-8", "replace")).hexdigest()
    shown = written[:_SHOWN]
    return ThreadId(digest=digest, shown=shown if shown.isprintable() else "".join(filter(str.isprintable, shown)))


def _unbracketed(text: str) -> list[str]:
    words = _COMMENT.sub(" ", text).split()
    with_at = [word.strip("\"'.,;:") for word in words if "@" in word]
    return with_at or (words if len(words) == 1 else [])
