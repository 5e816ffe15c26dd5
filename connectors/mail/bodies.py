"""Which parts are the text, which the HTML, which are files: the algorithm of JMAP (RFC 8621, section 4.1.4).

Its `textBody`, `htmlBody` and `attachments`, iterative instead of recursive, with two additions: text parts with a file
name are files wherever they stand, and a uuencoded file inside a text is a file.
"""

from dataclasses import dataclass, field
from typing import Final

from connectors.mail.parts import Part

_MEDIA: Final = ("image/", "audio/", "video/")
_TEXT: Final = frozenset({"text/plain", "text/html"})


@dataclass(slots=True, kw_only=True)
class Bodies:
    """The parts by their use, in order. A part may be in both bodies."""

    text: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    files: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class _Frame:
    """One multipart being read: where we are in it, and what its parents were."""

    parts: list[Part]
    kind: str
    in_alternative: bool
    html_open: bool
    text_open: bool
    text_before: int
    html_before: int
    position: int = 0


def choose_bodies(root: Part) -> Bodies:
    """Sort every leaf into text, HTML and files."""
    found = Bodies()
    if not root.multipart:
        _leaf(
            found,
            _Frame([root], "mixed", in_alternative=False, html_open=True, text_open=True, text_before=0, html_before=0),
            0,
        )
        return found
    stack = [_frame(root, found, None)]
    while stack:
        frame = stack[-1]
        if frame.position >= len(frame.parts):
            _leave(found, stack.pop())
            continue
        part = frame.parts[frame.position]
        frame.position += 1
        if part.multipart:
            stack.append(_frame(part, found, frame))
        else:
            _leaf(found, frame, frame.position - 1)
    return found


def _frame(part: Part, found: Bodies, outer: _Frame | None) -> _Frame:
    kind = part.media_type.partition("/")[2]
    return _Frame(
        parts=part.children,
        kind=kind,
        in_alternative=kind == "alternative" or (outer is not None and outer.in_alternative),
        html_open=outer.html_open if outer else True,
        text_open=outer.text_open if outer else True,
        text_before=len(found.text),
        html_before=len(found.html),
    )


def _leaf(found: Bodies, frame: _Frame, index: int) -> None:
    part = frame.parts[index]
    if not _is_inline(part, frame, index):
        found.files.append(part)
        return
    if frame.kind == "alternative":
        _alternative(found, frame, part)
        return
    if frame.in_alternative:
        if part.media_type == "text/plain":
            frame.html_open = False
        elif part.media_type == "text/html":
            frame.text_open = False
    if part.media_type in _TEXT:
        if frame.text_open:
            found.text.append(part)
        if frame.html_open:
            found.html.append(part)
    else:
        found.files.append(part)


def _alternative(found: Bodies, frame: _Frame, part: Part) -> None:
    if part.media_type == "text/plain":
        if not _plain_since(found.text, frame.text_before) or part.content.strip():
            found.text.append(part)
    elif part.media_type == "text/html":
        found.html.append(part)
    else:
        found.files.append(part)


def _plain_since(parts: list[Part], start: int) -> bool:
    return any(part.media_type == "text/plain" for part in parts[start:])


def _is_inline(part: Part, frame: _Frame, index: int) -> bool:
    """Say whether a leaf may be shown as body (RFC 8621: `isInline`)."""
    if part.disposition.value == "attachment":
        return False
    kind = part.media_type
    if kind not in _TEXT and not kind.startswith(_MEDIA):
        return False
    if frame.kind == "related" and index > 0 and kind not in _TEXT:
        return False
    named = part.disposition.text("filename") or part.type_parameters.text("name")
    return not named or (index == 0 and kind in _TEXT)


def _leave(found: Bodies, frame: _Frame) -> None:
    """Let what an alternative has stand for what it lacks: text for HTML, HTML for text."""
    if frame.kind != "alternative":
        return
    texts, htmls = found.text[frame.text_before :], found.html[frame.html_before :]
    if htmls and not texts:
        found.text.extend(htmls)
    elif texts and not htmls:
        found.html.extend(texts)
