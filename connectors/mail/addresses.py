"""Mail addresses as people and programs write them: RFC 5322 section 3.4 and RFC 6854, read leniently, never raising.

Fields are split before encoded words are decoded, so that a comma inside an encoded name separates nothing.
"""

import re
from dataclasses import dataclass
from typing import Final

from connectors.mail.charsets import decode_unlabelled
from connectors.mail.fields import Head
from connectors.mail.words import clean_line, decode_words

MAX_ADDRESSES: Final = 1000
_MAX_FIELD: Final = 128 * 1024
_TOKEN: Final = re.compile(
    r'"((?:[^"\\]|\\.)*)(?:"|\Z)|<([^<>]*)(?:>|\Z)|\\(.)|([()\[\],;:])|([^"<\\()\[\],;:]+)|(.)', re.DOTALL
)
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_NOT_ADDRESS: Final = re.compile(r"[\s<>\"(),;:]+")
_ROUTE: Final = re.compile(r"^@[^:]*:")


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `address` keeps the case as written; both may be empty, never at the same time."""

    name: str
    address: str


def parse_addresses(value: bytes, hint: str = "") -> tuple[Address, ...]:
    """Read an address list; at most 1,000. Group names are dropped, their members kept."""
    value = value[:_MAX_FIELD]
    text = value.decode("ascii") if value.isascii() else decode_unlabelled(value, hint)
    reader = _Reader()
    for match in _TOKEN.finditer(text):
        reader.feed(match)
        if len(reader.found) >= MAX_ADDRESSES:
            break
    reader.finish()
    return tuple(reader.found[:MAX_ADDRESSES])


def read_sender(head: Head, hint: str = "") -> Address:
    """Give the first author (RFC 5322 section 3.6.2); Sender and Return-Path stand in for a missing From."""
    for name in ("from", "sender", "return-path"):
        found = addresses_of(head, name, hint)
        if found:
            return next((address for address in found if address.address), found[0])
    return Address("", "")


def addresses_of(head: Head, name: str, hint: str = "") -> tuple[Address, ...]:
    """Give the addresses of every field of this name."""
    values = head.all(name)
    return parse_addresses(b", ".join(values) if len(values) > 1 else values[0], hint) if values else ()


class _Reader:
    """Collects the pieces of one mailbox until a separator ends it."""

    def __init__(self) -> None:
        self.found: list[Address] = []
        self._reset()

    def _reset(self) -> None:
        self._words: list[str] = []
        self._comments: list[str] = []
        self._angle: str | None = None
        self._depth = 0
        self._literal = False

    def feed(self, match: re.Match[str]) -> None:
        special = match[4]
        if self._depth or special in {"(", ")"}:
            self._comment(match, special)
        elif special in {"[", "]"} or self._literal:
            self._literal = special != "]"
            self._words.append(match[0])
        elif special in {",", ";"}:
            self.finish()
        elif special == ":":
            self._words.clear()
        elif match[1] is not None:
            self._quoted(match[1])
        elif match[2] is not None:
            self._angle = match[2] if not self._angle else self._angle
        else:
            self._words.append(match[3] or match[5] or match[6] or "")

    def _comment(self, match: re.Match[str], special: str | None) -> None:
        self._depth = max(0, self._depth + {"(": 1, ")": -1}.get(special or "", 0))
        if special not in {"(", ")"}:
            self._comments.append(match[0])

    def _quoted(self, inner: str) -> None:
        text = _PAIR.sub(r"\1", inner) if "\\" in inner else inner
        self._words.append(text)

    def finish(self) -> None:
        words, comments, angle = "".join(self._words).strip(), "".join(self._comments).strip(), self._angle
        self._reset()
        if angle is None and not words:
            return
        address, name = _split(words, angle)
        name = _name(name) or _name(comments)
        if address or name:
            self.found.append(Address(name="" if name.lower() == address.lower() else name, address=address))


def _split(words: str, angle: str | None) -> tuple[str, str]:
    """Decide which piece is the address."""
    bare = _bare(words)
    if angle is not None and ("@" in angle or not bare):
        return _address(angle), words
    if bare:
        return _address(bare), words.replace(bare, "", 1).strip()
    return ("", words) if " " in words or "=?" in words else (_address(words), "")


def _bare(words: str) -> str:
    """Find an address that stands without angle brackets."""
    if "@" not in words:
        return ""
    return next((word for word in _NOT_ADDRESS.split(words) if "@" in word[1:-1]), "")


def _address(text: str) -> str:
    text = _ROUTE.sub("", clean_line(text)).strip()
    text = decode_words(text) if "=?" in text else text
    return "".join(clean_line(text).split()).removeprefix("mailto:").strip("<>")


def _name(text: str) -> str:
    text = decode_words(text) if "=?" in text else text
    return " ".join(clean_line(text).split()).strip("\"'")
