"""The parts of a mail, with their contents decoded: from the structure check's regions and one of two decoders.

`native_contents` asks fast-mail-parser (five times as fast on base64, and it refuses what is broken); what it refuses,
or sees differently than the structure check did, `own_contents` decodes tolerantly. Embedded messages are files, never
opened.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import fast_mail_parser

from connectors.mail.fields import Head
from connectors.mail.params import Parameters, parse_parameters
from connectors.mail.structure import Region, StructureReport
from connectors.mail.transfer import decode_transfer

Contents = Callable[[int], bytes]
"""Gives the decoded content of the region with this index."""


@dataclass(slots=True, kw_only=True)
class Part:
    """One entity. Leaves have content, multiparts have children."""

    media_type: str
    head: Head
    type_parameters: Parameters
    disposition: Parameters
    content: bytes = b""
    children: list["Part"] = field(default_factory=list)
    multipart: bool = False

    @property
    def charset(self) -> str:
        """The declared charset as written, lower-cased."""
        return self.type_parameters.token("charset")

    def walk(self) -> Iterator["Part"]:
        """Give this part and all below it, depth first, without recursion."""
        pending = [self]
        while pending:
            part = pending.pop()
            yield part
            pending.extend(reversed(part.children))


def read_parts(raw: bytes, report: StructureReport, contents: Contents) -> Part:
    """Build the tree. Regions stand in depth-first order, parents before children."""
    built: dict[int, Part] = {}
    for index, region in enumerate(report.regions):
        if region.embedded:
            continue
        part = _part(region, raw, _default_type(built.get(region.parent)))
        if not part.multipart:
            part.content = contents(index)
        built[index] = part
        if region.parent >= 0:
            built[region.parent].children.append(part)
    for part in built.values():
        _mend_childless(part)
    return built[0]


def own_contents(raw: bytes, report: StructureReport) -> Contents:
    """Decode leaves ourselves; accepts anything."""

    def content(index: int) -> bytes:
        region = report.regions[index]
        return decode_transfer(raw[region.body : region.end], region.head.first("content-transfer-encoding"))

    return content


def native_contents(raw: bytes, report: StructureReport) -> Contents | None:
    """Decode base64 leaves with fast-mail-parser.

    None when it refuses the mail, or finds other parts than the check did.
    """
    if not report.native or not _has_base64(report.regions):
        return None
    try:
        root = fast_mail_parser.parse_email_tree(raw, mode="lazy")
    except fast_mail_parser.ParseError:
        return None
    nodes = _flatten(root)
    wanted = [index for index, region in enumerate(report.regions) if not region.embedded]
    if not _agree(nodes, [report.regions[index] for index in wanted]):
        return None
    return _mixed(dict(zip(wanted, nodes, strict=True)), own_contents(raw, report), report.regions)


def _mixed(nodes: dict[int, "fast_mail_parser.PyLazyMimePart"], own: Contents, regions: Sequence[Region]) -> Contents:
    def content(index: int) -> bytes:
        if not _is_base64(regions[index]):
            return own(index)  # a slice, or quoted-printable, whose bare LF the native decoder would turn into CRLF
        try:
            decoded: bytes | None = nodes[index].content
        except fast_mail_parser.ParseError:
            return own(index)
        return own(index) if decoded is None else decoded

    return content


def _is_base64(region: Region) -> bool:
    return region.head.first("content-transfer-encoding").lower() == b"base64" and not region.multipart


def _has_base64(regions: Sequence[Region]) -> bool:
    return any(not region.embedded and _is_base64(region) for region in regions)


def _flatten(root: "fast_mail_parser.PyLazyMimePart") -> list["fast_mail_parser.PyLazyMimePart"]:
    found, pending = [], [root]
    while pending:
        node = pending.pop()
        found.append(node)
        if not node.is_message:
            pending.extend(reversed(node.children))
    return found


def _agree(nodes: Sequence["fast_mail_parser.PyLazyMimePart"], regions: Sequence[Region]) -> bool:
    """Say whether both saw the same parts: their number, and their encoded sizes but for line ends before borders."""
    if len(nodes) != len(regions):
        return False
    return all(_same(node, region) for node, region in zip(nodes, regions, strict=True))


def _same(node: "fast_mail_parser.PyLazyMimePart", region: Region) -> bool:
    if (node.encoded_size is None) != region.multipart:
        return False
    if not _is_base64(region):
        return True
    size = region.end - region.body
    return node.encoded_size is not None and abs(node.encoded_size - size) <= 4  # noqa: PLR2004 - two line ends


def _default_type(parent: Part | None) -> str:
    """RFC 2046 section 5.1.5: parts of a digest are messages unless they say otherwise."""
    return "message/rfc822" if parent is not None and parent.media_type == "multipart/digest" else "text/plain"


def _part(region: Region, raw: bytes, default: str) -> Part:
    head = region.head
    kind = region.media_type or (default if "content-type" not in head else _unreadable(head))
    return Part(
        media_type=kind,
        head=head,
        type_parameters=parse_parameters(head.first("content-type")),
        disposition=parse_parameters(head.first("content-disposition")),
        multipart=kind.startswith("multipart/"),
        content=raw[region.body : region.end] if kind.startswith("multipart/") and not region.multipart else b"",
    )


def _unreadable(head: Head) -> str:
    """Type of a part whose Content-Type cannot be read (`text`, `pdf`): plain text unless it looks like a file."""
    word = head.first("content-type").split(b";")[0].strip().lower()
    return {b"text": "text/plain", b"html": "text/html", b"plain": "text/plain", b"": "text/plain"}.get(
        word, "application/octet-stream" if "content-disposition" in head else "text/plain"
    )


def _mend_childless(part: Part) -> None:
    """Show a multipart in which no border was found as the text that it holds."""
    if part.multipart and not part.children:
        part.multipart = False
        part.media_type = "text/plain"
        part.content = decode_transfer(part.content, part.head.first("content-transfer-encoding"))
