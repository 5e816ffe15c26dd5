"""Bodies as clean text: charsets decoded, format=flowed unwrapped, several parts joined."""

import html
import re
from dataclasses import dataclass
from typing import Final

from connectors.mail.bodies import Bodies
from connectors.mail.charsets import codec_of, decode_text
from connectors.mail.html_text import html_to_text
from connectors.mail.parts import Part
from connectors.mail.transfer import split_uuencoded

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_ENDS: Final = re.compile(r"\r\n?")
_META: Final = re.compile(rb"<meta[^>]{1,200}charset\s*=\s*[\"']?([\w:.-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The two bodies, and (name, content) of files that stood uuencoded inside."""

    text: str
    html: str | None
    files: tuple[tuple[bytes, bytes], ...] = ()


def read_texts(bodies: Bodies) -> Texts:
    """Decode and join the body parts."""
    files: list[tuple[bytes, bytes]] = []
    plain = {id(part): _plain(part, files) for part in bodies.text if part.media_type != "text/html"}
    marked = {id(part): decode_html(part) for part in (*bodies.html, *bodies.text) if part.media_type == "text/html"}
    shown = [plain[id(part)] if id(part) in plain else html_to_text(marked[id(part)]) for part in bodies.text]
    has_html = any(id(part) in marked for part in bodies.html)
    return Texts(
        text="\n".join(piece for piece in shown if piece),
        html="\n".join(_as_html(part, plain, marked, files) for part in bodies.html) if has_html else None,
        files=tuple(files),
    )


def clean_text(text: str) -> str:
    """Remove NUL, lone surrogates and controls but tab; line ends become LF."""
    text = text.replace("\r\n", "\n")
    text = _LINE_ENDS.sub("\n", text) if "\r" in text else text
    return _CONTROL.sub("", text).removeprefix("\ufeff")


def decode_html(part: Part) -> str:
    """Decode an HTML part; without a charset in its header, the one in its <meta> counts."""
    declared = part.charset
    if not codec_of(declared):
        meta = _META.search(part.content[:4096])
        declared = meta[1].decode("ascii", "replace") if meta else declared
    return clean_text(decode_text(part.content, declared))


def unflow(text: str, *, delete_space: bool) -> str:
    """Join the soft-broken lines of format=flowed (RFC 3676 section 4), within one depth of quoting."""
    paragraphs: list[list[str]] = []
    open_depth = -1
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        body = line[depth:].removeprefix(" ")
        signature = body == "-- "
        if open_depth == depth and not signature:
            paragraphs[-1].append(body)
        else:
            paragraphs.append([f"{'>' * depth} {body}" if depth else body])
        flows = body.endswith(" ") and not signature
        open_depth = depth if flows else -1
        if flows and delete_space:
            paragraphs[-1][-1] = paragraphs[-1][-1][:-1]
    return "\n".join("".join(pieces) for pieces in paragraphs)


def _plain(part: Part, files: list[tuple[bytes, bytes]]) -> str:
    content, found = split_uuencoded(part.content)
    files.extend(found)
    text = clean_text(decode_text(content, part.charset))
    if part.type_parameters.token("format") == "flowed":
        text = unflow(text, delete_space=part.type_parameters.token("delsp") == "yes")
    return text


def _as_html(part: Part, plain: dict[int, str], marked: dict[int, str], files: list[tuple[bytes, bytes]]) -> str:
    if id(part) in marked:
        return marked[id(part)]
    text = plain[id(part)] if id(part) in plain else _plain(part, files)
    return f"<pre>{html.escape(text)}</pre>"
