"""One pass over a raw mail, before any parser sees it: where its parts are, and whether it keeps the limits.

Not recursive, and linear in the mail's size: every octet is passed a fixed number of times by C code (`bytes.find`),
every line that starts with two hyphens costs one dictionary look-up. A mail of 32,000 nested multiparts (1.9 MB) kills
native parsers with SIGSEGV; here it ends at the fiftieth.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from connectors.base import InvalidDeliveryError
from connectors.mail.fields import Head, find_body, head_start, read_head
from connectors.mail.params import media_type, parse_parameters

MAX_DEPTH: Final = 50
MAX_PARTS: Final = 1000
MAX_HEADER_BYTES: Final = 256 * 1024
MAX_BORDER_LINES: Final = 200_000
"""Lines that start with two hyphens inside a multipart; each costs half a microsecond."""

SUSPICIOUS_DEPTH: Final = 16
SUSPICIOUS_PARTS: Final = 250
SUSPICIOUS_FIELDS: Final = 2000
SUSPICIOUS_PREFIXES: Final = 100
SUSPICIOUS_TEXT_BYTES: Final = 4 * 1024 * 1024
"""Text may cost its reader a second a megabyte (a line feed each, a tag each); files are only decoded."""
NATIVE_BORDER_LINES: Final = 1000
"""However a native parser reads the mail, it cannot nest deeper than there are lines that start with two hyphens."""

_MAX_BOUNDARY: Final = 998
_FILES: Final = frozenset({"application", "audio", "image", "message", "video"})
_PLAIN_ENCODINGS: Final = frozenset({b"", b"7bit", b"8bit", b"binary"})


class Soundness(StrEnum):
    """What the check found: parse here, parse in a child process, or not at all."""

    OK = "ok"
    SUSPICIOUS = "suspicious"


@dataclass(slots=True, kw_only=True)
class Region:
    """One entity: its header block, and where its body stands in the raw mail."""

    parent: int
    depth: int
    head: Head
    media_type: str
    body: int
    end: int
    embedded: bool
    multipart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureReport:
    """Result of the check. `native` says whether a native parser may see the mail at all."""

    soundness: Soundness
    native: bool
    depth: int
    parts: int
    header_bytes: int
    marks: tuple[str, ...]
    regions: tuple[Region, ...] = field(repr=False)


def check_structure(raw: bytes) -> StructureReport:
    """Walk the mail once. Raises `InvalidDeliveryError` when it is over a limit of depth, parts or header bytes."""
    walk = _Walk(raw)
    walk.run()
    return walk.report()


class _Walk:
    """State of the pass: the entities that are open, and the boundaries that may close them."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.regions: list[Region] = []
        self.header_bytes = 0
        self.prefixes = 0
        self.encoded_messages = False
        self._open: list[int] = []
        self._borders: list[tuple[bytes, int]] = []
        self._known: dict[bytes, int] = {}
        self._prefix_tuple: tuple[bytes, ...] = ()

    def run(self) -> None:
        position = self._enter(head_start(self.raw), embedded=False)
        lines = 0
        find, size = self.raw.find, len(self.raw)
        while self._borders and (found := find(b"\n--", position)) >= 0:
            lines += 1
            if lines > MAX_BORDER_LINES:
                raise InvalidDeliveryError(f"structure: more than {MAX_BORDER_LINES} lines that look like part borders")
            line_end = find(b"\n", found + 3)
            line_end = size if line_end < 0 else line_end
            position = self._border(found, line_end)
        for index in self._open:
            self.regions[index].end = size

    def report(self) -> StructureReport:
        marks = tuple(self._marks())
        native = not self.encoded_messages and self.raw.count(b"\n--") <= NATIVE_BORDER_LINES
        return StructureReport(
            soundness=Soundness.SUSPICIOUS if marks else Soundness.OK,
            native=native,
            depth=max(region.depth for region in self.regions),
            parts=len(self.regions),
            header_bytes=self.header_bytes,
            marks=marks,
            regions=tuple(self.regions),
        )

    def _marks(self) -> list[str]:
        marks = []
        if max(region.depth for region in self.regions) > SUSPICIOUS_DEPTH:
            marks.append("deep nesting")
        if len(self.regions) > SUSPICIOUS_PARTS:
            marks.append("many parts")
        if max(region.head.count for region in self.regions) > SUSPICIOUS_FIELDS:
            marks.append("many header fields")
        if self.prefixes > SUSPICIOUS_PREFIXES:
            marks.append("many lines that nearly are borders")
        if self._text_bytes() > SUSPICIOUS_TEXT_BYTES:
            marks.append("much text")
        return marks

    def _text_bytes(self) -> int:
        leaves = (region for region in self.regions if not (region.multipart or region.embedded))
        return sum(leaf.end - leaf.body for leaf in leaves if _is_read_by_line(leaf))

    def _border(self, found: int, line_end: int) -> int:
        """Handle one line that starts with two hyphens; give the place to look on from."""
        line = self.raw[found + 3 : min(line_end, found + 5 + _MAX_BOUNDARY)].rstrip(b" \t\r")
        level = self._known.get(line)
        closing = level is None and line.endswith(b"--")
        if closing:
            level = self._known.get(line[:-2])
        if level is None:
            self.prefixes += line.startswith(self._prefix_tuple)
            return max(found + 1, line_end)
        self._close(level, found, closing=closing)
        if closing:
            return max(found + 1, line_end)
        return self._enter(min(line_end + 1, len(self.raw)), embedded=self.regions[self._open[-1]].embedded)

    def _close(self, level: int, found: int, *, closing: bool) -> None:
        """End every entity inside the multipart of this border."""
        end = found - 1 if self.raw[found - 1 : found] == b"\r" else found
        keep = self._borders[level][1] + 1
        for index in self._open[keep:]:
            region = self.regions[index]
            region.end = max(region.body, end)
        del self._open[keep:]
        remaining = level if closing else level + 1
        if remaining != len(self._borders):
            del self._borders[remaining:]
            self._index()

    def _index(self) -> None:
        self._known = {border: level for level, (border, _) in enumerate(self._borders)}
        self._prefix_tuple = tuple(self._known)

    def _enter(self, start: int, *, embedded: bool) -> int:
        """Read an entity's header block, and those of the messages it carries; give the place to look on from."""
        while True:
            region = self._read(start, embedded=embedded)
            if region.media_type.startswith("multipart/") and self._push(region):
                break
            if region.media_type not in {"message/rfc822", "message/global"}:
                break
            if region.head.first("content-transfer-encoding").lower() not in _PLAIN_ENCODINGS:
                self.encoded_messages = True
                break
            if region.body >= len(self.raw):
                break
            start, embedded = region.body, True
        return max(0, region.body - 1)

    def _read(self, start: int, *, embedded: bool) -> Region:
        budget = MAX_HEADER_BYTES - self.header_bytes
        stop = min(len(self.raw), start + budget + 4)
        body = self._cut_at_border(start, find_body(self.raw, start, stop))
        head, body = read_head(self.raw, start, body)
        self.header_bytes += body - start
        parent = self._open[-1] if self._open else -1
        depth = len(self._open)
        region = Region(
            parent=parent,
            depth=depth,
            head=head,
            media_type=media_type(head.first("content-type")),
            body=body,
            end=len(self.raw),
            embedded=embedded,
        )
        self._check(depth)
        self._open.append(len(self.regions))
        self.regions.append(region)
        return region

    def _check(self, depth: int) -> None:
        if self.header_bytes > MAX_HEADER_BYTES:
            raise InvalidDeliveryError(f"structure: header blocks over {MAX_HEADER_BYTES} bytes")
        if depth > MAX_DEPTH:
            raise InvalidDeliveryError(f"structure: parts nested deeper than {MAX_DEPTH}")
        if len(self.regions) >= MAX_PARTS:
            raise InvalidDeliveryError(f"structure: more than {MAX_PARTS} parts")

    def _cut_at_border(self, start: int, body: int) -> int:
        """End a header block at a border that stands in it (a part without a blank line)."""
        found = self.raw.find(b"\n--", max(0, start - 1), body)
        while self._borders and found >= 0:
            line_end = self.raw.find(b"\n", found + 3, body)
            line = self.raw[found + 3 : line_end if line_end >= 0 else body].rstrip(b" \t\r")
            if line in self._known or (line.endswith(b"--") and line[:-2] in self._known):
                return max(start, found + 1)
            found = self.raw.find(b"\n--", found + 1, body)
        return body

    def _push(self, region: Region) -> bool:
        """Make the multipart's boundary known. False when it has none that can be used."""
        parameters = parse_parameters(region.head.first("content-type"))
        boundary = parameters.raw.get("boundary", b"").rstrip(b" \t") or self._first_line(region)
        if not boundary or len(boundary) > _MAX_BOUNDARY:
            return False
        region.multipart = True
        self._borders.append((boundary, len(self._open) - 1))
        self._index()
        return True

    def _first_line(self, region: Region) -> bytes:
        """Guess a missing boundary: the body's first line, if it looks like a border."""
        line = self.raw[region.body : region.body + 200].partition(b"\n")[0].rstrip()
        return line[2:] if line.startswith(b"--") and len(line) > 6 else b""  # noqa: PLR2004 - shorter is a signature


def _is_read_by_line(leaf: Region) -> bool:
    """Say whether reading it costs more than decoding: text, and uuencode, which has no end that C code could find."""
    uuencoded = b"uu" in leaf.head.first("content-transfer-encoding").lower()
    return uuencoded or leaf.media_type.partition("/")[0] not in _FILES
