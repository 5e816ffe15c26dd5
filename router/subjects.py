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

PREFIXES: Final = 4
"""Words with a colon that may stand before a subject without changing it: gateways and clients pile them up."""

_TAG = re.compile(
    r"\[[^\[\]]{0,80}\]|\*{2,}[^*]{1,40}\*{2,}|\{[^{}]{1,40}\}|<[^<>]{1,40}>|\(\s*#[^()]{0,40}\)|^\s*\([^()]{1,20}\)"
)
_UNKNOWN_PREFIX = re.compile(r"^\s*\w{1,12}(?:[(\[^*]\d{1,4}[)\]]?)?\s*[:\uff1a]")
_DAMAGE = re.compile("[?\ufffd\u00c2\u00c3\u00d0\u00d1]")
"""What a wrong decoding leaves: replaced characters, or UTF-8 read as Latin-1."""

_READABLE: Final = 0.6
"""Part of a subject that must be ASCII letters and digits before the rest may be taken for damaged."""


def is_changed(ours: str, theirs: str) -> bool:
    """Compare two subjects without their known prefixes. An empty one, a tag or a cut end changes nothing."""
    if ours == theirs:
        return False
    one, other = _forms(ours), _forms(theirs)
    if not one[0] or not other[0] or one[0] in other or other[0] in one:
        return False
    is_cut = any(_is_cut(one[0], form) for form in other) or any(_is_cut(other[0], form) for form in one)
    return not (is_cut or _is_damaged(ours, theirs))


@lru_cache(maxsize=4096)
def _forms(subject: str) -> tuple[str, ...]:
    """Give the subject's core, then that of what stands behind each short word and colon: prefixes nobody listed."""
    rest = _TAG.sub(" ", subject)
    forms = [_core(rest)]
    for _ in range(PREFIXES):
        rest, count = _UNKNOWN_PREFIX.subn("", rest)
        core = _core(rest)
        if not count or not core:
            break
        forms.append(core)
    return tuple(forms)


def _core(text: str) -> str:
    """Letters and digits, folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def _is_cut(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= TRUNCATED and longer.startswith(shorter)


def _is_damaged(ours: str, theirs: str) -> bool:
    """Whether one is the other with letters beyond ASCII lost to a wrong decoding."""
    if not (_DAMAGE.search(ours) or _DAMAGE.search(theirs)):
        return False
    one, other = _ascii(ours), _ascii(theirs)
    return one == other and len(one) >= _READABLE * max(len(_core(ours)), len(_core(theirs)))


def _ascii(text: str) -> str:
    return "".join(character for character in _core(unicodedata.normalize("NFC", text)) if character.isascii())
