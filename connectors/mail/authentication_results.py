"""Authentication-Results fields (RFC 8601 section 2.2), read strictly: a field with any fault says nothing at all.

Comments, quoted strings and folding are understood; what stands inside them never becomes a result.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

MAX_FIELD: Final = 32 * 1024
MAX_RESULTS: Final = 100
MAX_FIELDS: Final = 100
"""Fields of one mail that are looked at, topmost first."""
_MAX_DEPTH: Final = 20

_TOKEN: Final = re.compile(
    r'(?P<blank>[ \t\r\n]+)|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<special>[;=()])|(?P<word>[^\s;=()"\\]+)', re.DOTALL
)
_COMMENT: Final = re.compile(r"[^()\\]+|\\.|[()]", re.DOTALL)
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_METHOD: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,63})(?:/\d{1,3})?")
_PROPERTY: Final = re.compile(r"[A-Za-z0-9-]{1,64}(?:\.[A-Za-z0-9_-]{1,64})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """One method's result: all in lower case but the properties' values. The first of a property counts."""

    method: str
    result: str
    properties: dict[str, str]
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationResults:
    """One field: who wrote it, and its results in order."""

    authserv_id: str
    results: tuple[MethodResult, ...] = ()


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    glued: bool


def topmost_of(values: Sequence[bytes], authserv_ids: Sequence[str]) -> AuthenticationResults | None:
    """Give the topmost field that one of these names wrote; one further down is never looked at.

    When that field has a fault, the answer is None: the one below may be the sender's own.
    """
    for value in values[:MAX_FIELDS]:
        text = value[:MAX_FIELD].decode("utf-8", "replace")
        name = authserv_id(text)
        if name in authserv_ids:
            return read_results(text) if len(value) <= MAX_FIELD else None
    return None


def authserv_id(text: str) -> str:
    """Give the name that stands first, in lower case; empty when there is none."""
    try:
        token = next((token for token in _tokens(text) if token.kind != "comment"), None)
    except ValueError:
        return ""
    return token.text.lower() if token is not None and token.kind in {"word", "quoted"} else ""


def read_results(text: str) -> AuthenticationResults | None:
    """Read an unfolded or folded value; None when it is not well formed."""
    try:
        parts = list(_parts(_tokens(text)))
        name = _name(parts[0])
        results = tuple(_result(part) for part in parts[1 : MAX_RESULTS + 1] if part and not _says_none(part))
    except (ValueError, IndexError):
        return None
    return AuthenticationResults(authserv_id=name, results=results)


def _tokens(text: str) -> Iterator[_Token]:
    position, glued = 0, False
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match["special"] == ")":
            raise ValueError(position)
        position = match.end()
        if match["special"] == "(":
            comment, position = _comment(text, position)
            yield _Token("comment", comment, glued=False)
            glued = False
        elif match["blank"]:
            glued = False
        else:
            kind = match.lastgroup or ""
            yield _Token(kind, _PAIR.sub(r"\1", match[0][1:-1]) if kind == "quoted" else match[0], glued)
            glued = True


def _comment(text: str, position: int) -> tuple[str, int]:
    start, depth = position, 1
    while depth:
        match = _COMMENT.match(text, position)
        if match is None:
            raise ValueError(position)
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth > _MAX_DEPTH:
            raise ValueError(position)
        position = match.end()
    return text[start : position - 1], position


def _parts(tokens: Iterator[_Token]) -> Iterator[list[_Token]]:
    part: list[_Token] = []
    for token in tokens:
        if token.kind == "special" and token.text == ";":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _name(part: list[_Token]) -> str:
    """Read the authserv-id, and the version that may follow it."""
    words = [token for token in part if token.kind != "comment"]
    if (
        len(words) not in {1, 2}
        or words[0].kind not in {"word", "quoted"}
        or [w.text for w in words[1:]] not in ([], ["1"])
    ):
        raise ValueError
    return words[0].text.lower()


def _says_none(part: list[_Token]) -> bool:
    words = [token.text.lower() for token in part if token.kind != "comment"]
    return words in ([], ["none"])


def _result(part: list[_Token]) -> MethodResult:
    comment = " ".join(token.text for token in part if token.kind == "comment")
    pairs = list(_pairs([token for token in part if token.kind != "comment"]))
    method = _METHOD.fullmatch(pairs[0][0])
    if method is None:
        raise ValueError
    properties: dict[str, str] = {}
    for key, value in pairs[1:]:
        if _PROPERTY.fullmatch(key) is None:
            raise ValueError
        properties.setdefault(key.lower(), value)
    return MethodResult(method=method[1].lower(), result=pairs[0][1].lower(), properties=properties, comment=comment)


def _pairs(tokens: list[_Token]) -> Iterator[tuple[str, str]]:
    """Give key and value of every `key=value`; a value goes on as long as no blank or comment stands between."""
    position = 0
    while position < len(tokens):
        if position + 2 >= len(tokens):
            raise ValueError
        key, equals, first = tokens[position : position + 3]
        if key.kind != "word" or (equals.kind, equals.text) != ("special", "=") or first.kind == "special":
            raise ValueError
        value = first.text
        position += 3
        while position < len(tokens) and tokens[position].glued:
            value += tokens[position].text
            position += 1
        yield key.text, value
