"""Raw header blocks: where they end and what fields they hold. Bytes in, bytes out; nothing is decoded here.

RFC 5322 section 2.2 with the tolerance real mail needs: bare LF, blank before the colon, an mbox "From " line on top,
a line that is no field between fields (skipped), a line that is no field after them (the body begins there).
"""

import re
from collections.abc import Iterator
from typing import Final

_END: Final = re.compile(rb"\n\r?\n")
_FIELD: Final = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)", re.MULTILINE)
_FOLD: Final = re.compile(rb"\r*\n(?=[ \t])")
_MBOX: Final = re.compile(rb">?From [^\n]*\n")
_LINE_FEED: Final = 0x0A
_BLANK_START: Final = re.compile(rb"(?:[ \t]*\r?\n)*")


class Head:
    """The fields of one header block, by lower-case name, in order, still raw. Values are unfolded and stripped.

    `between`: what stands before and between fields and is none; `end`: where in the block the last field ends.
    """

    __slots__ = ("_fields", "between", "count", "end")

    def __init__(self, block: bytes = b"") -> None:
        self._fields: dict[str, list[bytes]] = {}
        between: list[bytes] = []
        self.count = self.end = 0
        for match in _FIELD.finditer(block):
            start, end = match.span()
            if start != self.end:
                between.append(block[self.end : start])
            self.count, self.end = self.count + 1, end
            value = match[2]
            if b"\n" in value:
                value = _FOLD.sub(b"", value)
            self._fields.setdefault(match[1].decode("ascii").lower(), []).append(value.strip(b" \t\r\n"))
        self.between = b"".join(between)

    def first(self, name: str) -> bytes:
        """Give the first value of the field, or nothing."""
        values = self._fields.get(name)
        return values[0] if values else b""

    def all(self, name: str) -> list[bytes]:
        """Give every value of the field, topmost first."""
        return self._fields.get(name, [])

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)


def not_fields(block: bytes, head: Head) -> bytes:
    """Give what stands in a header block and belongs to no field of `head`, which was read of it, blanks joined."""
    return b" ".join((head.between + block[head.end :]).split())


def head_start(raw: bytes) -> int:
    """Skip what stands before the first field: blank lines, an mbox "From " line."""
    start = 0
    if raw[:1] in b" \t\r\n":
        blank = _BLANK_START.match(raw, 0, 65_536)
        start = blank.end() if blank else 0
        if not _FIELD.match(raw, start, start + 1000):
            return 0
    mbox = _MBOX.match(raw, start)
    return mbox.end() if mbox else start


def find_body(raw: bytes, start: int, stop: int) -> int:
    """Give the offset of the first octet after the header block's blank line, `stop` when there is none.

    Looks no further than `stop`, so that many calls on one mail stay linear.
    """
    if raw.startswith((b"\n", b"\r\n"), start):
        return min(stop, start + (1 if raw[start] == _LINE_FEED else 2))
    end = _END.search(raw, start, stop)
    return end.end() if end else stop


def read_head(raw: bytes, start: int, body: int) -> tuple[Head, int]:
    """Read the fields of `raw[start:body]`; also give where the body really begins (see the module's tolerance)."""
    head = Head(raw[start:body])
    after = start + head.end
    if raw[after:body].strip() and not head.between.strip():
        return head, after
    return head, body
