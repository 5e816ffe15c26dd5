"""HTML to readable text, in one pass over its tags: no tree, no recursion, no native code, linear in the input.

A mail's HTML may hold a million open elements; a parser that builds a tree of them is a parser that can be killed.
"""

import html
import re
from typing import Final

MAX_HTML: Final = 8 * 1024 * 1024
"""Characters of HTML that are read; what stands behind them is cut (the raw mail keeps it)."""

_TOKEN: Final = re.compile(
    r"<!--|<!\[CDATA\[|<(/?)([a-zA-Z][a-zA-Z0-9:_-]*)((?>\"[^\"<]*\"|'[^'<]*'|[^<>])*)>|<[!?][^<>]*>", re.DOTALL
)
_SKIPPED: Final = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "object", "xml"})
_RAW: Final = frozenset({"script", "style", "title"})
_PARAGRAPHS: Final = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "table", "pre", "hr", "dl"}
)
_LINES: Final = frozenset(
    [
        "div",
        "br",
        "tr",
        "li",
        "address",
        "article",
        "aside",
        "section",
        "header",
        "footer",
        "main",
        "nav",
        "form",
        "fieldset",
        "center",
        "dt",
        "dd",
        "caption",
        "body",
        "figure",
        "figcaption",
        "option",
    ]
)
_CELLS: Final = frozenset({"td", "th"})
_SPACES: Final = re.compile(r"[ \t\r\n\f\xa0\u200b\u200c\ufeff]+")
_GAPS: Final = re.compile(r"\n{3,}")
_EDGE: Final = re.compile(r"(?<![ \t])[ \t]*\n[ \t]*")


def html_to_text(source: str) -> str:
    """Give the text a reader of the HTML would see, with line breaks where blocks end."""
    source = source[:MAX_HTML]
    writer = _Writer(source)
    position = 0
    while (match := _TOKEN.search(source, position)) is not None:
        writer.text(source[position : match.start()])
        position = writer.tag(match)
    writer.text(source[position:])
    return writer.result()


class _Writer:
    """Gathers text and breaks; remembers what it is to skip."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lower = ""
        self._out: list[str] = []
        self._skip: list[str] = []
        self._pre = 0
        self._quote = 0

    def text(self, chunk: str) -> None:
        if not chunk or self._skip:
            return
        if "&" in chunk:
            chunk = html.unescape(chunk)
        self._out.append(chunk if self._pre else _SPACES.sub(" ", chunk))

    def tag(self, match: re.Match[str]) -> int:
        """Act on one tag; give the place to read on from."""
        if match[2] is None:
            return self._special(match)
        name, closing = match[2].lower(), bool(match[1])
        if name in _SKIPPED:
            return self._skipped(name, closing=closing, match=match)
        if not self._skip or name == "body":
            self._skip.clear()
            self._break(name, closing=closing, attributes=match[3])
        return match.end()

    def _special(self, match: re.Match[str]) -> int:
        if match[0] == "<!--":
            end = self._source.find("-->", match.end())
            return end + 3 if end >= 0 else len(self._source)
        return match.end()

    def _skipped(self, name: str, *, closing: bool, match: re.Match[str]) -> int:
        if closing:
            if name in self._skip:
                del self._skip[self._skip.index(name) :]
        elif name in _RAW:
            return self._after(name, match.end())
        elif not match[3].endswith("/") and len(self._skip) < 50:  # noqa: PLR2004 - nobody nests these deeper
            self._skip.append(name)
        return match.end()

    def _after(self, name: str, start: int) -> int:
        """Skip raw text (script, style, title) up to its end tag; without one, to the end."""
        self._lower = self._lower or self._source.lower()
        source = self._lower if len(self._lower) == len(self._source) else self._source
        end = source.find(f"</{name}", start)
        return end if end >= 0 else len(self._source)

    def _break(self, name: str, *, closing: bool, attributes: str) -> None:
        if name == "pre":
            self._pre = max(0, self._pre + (-1 if closing else 1))
        if name in _PARAGRAPHS:
            self._out.append("\n\n")
        elif name in _LINES:
            self._out.append("\n")
        elif name in _CELLS and closing:
            self._out.append(" ")
        if name == "li" and not closing:
            self._out.append("- ")
        if name == "img":
            self._image(attributes)

    def _image(self, attributes: str) -> None:
        alt = re.search(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", attributes[:2000])
        if alt:
            self.text(alt[1] or alt[2] or "")

    def result(self) -> str:
        text = _EDGE.sub("\n", "".join(self._out))
        return _GAPS.sub("\n\n", text).strip()
