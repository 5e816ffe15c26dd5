"""Is a subject still the same? Only for gate 3: a changed subject on a known thread opens a ticket of its own.

Wrongly "changed" tears a conversation apart, wrongly "same" keeps on one ticket what one person wrote into one thread;
the second is the smaller harm (the participant gate has been passed), so doubts count as same.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

TRUNCATED: Final = 24
"""From this length on, in letters and digits, a subject that begins another one is that subject, cut by a program."""

_TAG = re.compile(r"\[[^\[\]]{0,80}\]|\*{2,}[^*]{1,40}\*{2,}|\(\s*#[^()]{0,40}\)")
_UNKNOWN_PREFIX = re.compile(r"^\s*\w{1,12}\s*[:\uff1a]")


def is_changed(ours: str, theirs: str) -> bool:
    """Compare two subjects without their known prefixes. An empty one, a tag or a cut end changes nothing."""
    if ours == theirs:
        return False
    one, other = _core(ours), _core(theirs)
    if not one or not other or one == other:
        return False
    return not (_is_cut(one, other) or one in _without_prefix(theirs) or other in _without_prefix(ours))


@lru_cache(maxsize=4096)
def _core(subject: str) -> str:
    """Letters and digits of a subject without tags in brackets, folded."""
    folded = unicodedata.normalize("NFKC", _TAG.sub(" ", subject)).casefold()
    return "".join(character for character in folded if character.isalnum())


def _is_cut(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= TRUNCATED and longer.startswith(shorter)


def _without_prefix(subject: str) -> tuple[str, ...]:
    """Give what stands behind one short word and a colon: a reply prefix in a language that nobody has listed."""
    rest, count = _UNKNOWN_PREFIX.subn("", _TAG.sub(" ", subject))
    return (_core(rest),) if count else ()
