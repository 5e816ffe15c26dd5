# ruff: noqa: RUF001 - patterns stand in the scripts of their languages
"""The new text of a reply, without what it quotes: a pure function of the stored text.

Careful rather than thorough (people lose answers when quotes are cut too eagerly): only what stands below the new text
is cut. When nothing would be left, or the answer stands between or below quoted lines, all is kept.
"""

from typing import Final

from connectors.mail import quote_marks as marks

MAX_CHARACTERS: Final = 256 * 1024
"""Longer texts are returned as they are."""

_WRAPPED_LINES: Final = 4
_MAX_LINE: Final = 400
_HEADER_LINES: Final = 8
_SIGNATURE_LINES: Final = 40


def reply_text(text: str) -> str:
    """Give the text above the quotation, without signature; the whole text when there is none to tell."""
    if len(text) > MAX_CHARACTERS:
        return text
    lines = text.replace("\xa0", " ").split("\n")
    end = _quotation(lines)
    end = _without_trailing_quotes(lines, end)
    end = _without_signature(lines, end)
    kept = "\n".join(lines[:end]).strip()
    return kept or text.strip()


def _quotation(lines: list[str]) -> int:
    """Find the line where the quotation begins; the number of lines when there is none."""
    for index, line in enumerate(lines):
        if not line.strip() or not _starts_quotation(lines, index):
            continue
        if any(above.strip() for above in lines[:index]) or marks.REPLY_ABOVE.match(line):
            return _above_separator(lines, index)
    return len(lines)


def _above_separator(lines: list[str], end: int) -> int:
    """Leave out the line of dashes that stands above a quotation."""
    last = end
    while last and not lines[last - 1].strip():
        last -= 1
    return last - 1 if last > 1 and marks.SEPARATOR.match(lines[last - 1][:_MAX_LINE]) else end


def _starts_quotation(lines: list[str], index: int) -> bool:
    line = lines[index][:_MAX_LINE]
    if marks.ORIGINAL.match(line) or marks.FORWARDED.match(line) or marks.REPLY_ABOVE.match(line):
        return True
    if marks.RULE.match(line):
        return _is_header(lines, _next_text(lines, index + 1))
    if _is_header(lines, index):
        return True
    length = 0 if _quoted(line) else _attribution(lines, index)
    return length > 0 and not _answered_below(lines, index + length)


def _is_header(lines: list[str], index: int) -> bool:
    """Say whether a block of From, Sent, To, Subject lines begins here (Outlook and others)."""
    if index >= len(lines) or not marks.HEADER_FROM.match(lines[index][:_MAX_LINE]):
        return False
    following = lines[index + 1 : index + 1 + _HEADER_LINES]
    return sum(bool(marks.HEADER_OTHER.match(line[:_MAX_LINE])) for line in following) >= 2  # noqa: PLR2004 - one may be prose


def _attribution(lines: list[str], index: int) -> int:
    """Give how many lines the attribution that begins here has (programs wrap it); 0 when none begins."""
    joined = ""
    for count, line in enumerate(lines[index : index + _WRAPPED_LINES], start=1):
        if not line.strip():
            return 0
        joined = f"{joined} {line.strip().lstrip('> ')}".strip()
        if len(joined) > _MAX_LINE:
            return 0
        if _is_attribution(joined):
            begun = marks.BEGINNING.match(lines[index])
            return 0 if not begun and _begins_later(lines[index + 1 : index + count]) else count
    return 0


def _begins_later(lines: list[str]) -> bool:
    """Say whether the attribution is complete without its first line, which then is the sender's own."""
    stripped = [line.strip().lstrip("> ") for line in lines]
    return any(
        marks.BEGINNING.match(line) and _is_attribution(" ".join(stripped[start:]))
        for start, line in enumerate(stripped)
    )


def _is_attribution(line: str) -> bool:
    ends = line.rstrip(" *_")[-1:]
    if ends not in {":", "：", ">"} and not marks.ATTRIBUTION_EAST.search(line):
        return False
    if marks.DATED_ADDRESS.match(line) or (marks.ATTRIBUTION_EAST.search(line) and any(c.isdigit() for c in line)):
        return True
    return ends in {":", "："} and bool(marks.WROTE.search(line[-160:])) and bool(marks.WHEN_OR_WHO.search(line))


def _answered_below(lines: list[str], start: int) -> bool:
    """Say whether text of the sender's own follows quoted lines: then the quotation belongs to the answer."""
    index = _next_text(lines, start)
    if index >= len(lines) or not _quoted(lines[index]):
        return False
    while index < len(lines) and (not lines[index].strip() or _quoted(lines[index])):
        index += 1
    return index < len(lines) and not _closing(lines, index)


def _closing(lines: list[str], index: int) -> bool:
    """Say whether nothing but a signature or another quotation stands from here on."""
    line = lines[index][:_MAX_LINE]
    return bool(marks.SIGNATURE.match(line) or marks.SENT_FROM.match(line.strip()) or marks.ORIGINAL.match(line))


def _without_trailing_quotes(lines: list[str], end: int) -> int:
    """Cut quoted lines at the end, and the attribution above them."""
    last = end
    signature = _signature_start(lines, end)
    scan = signature
    while scan and (not lines[scan - 1].strip() or _quoted(lines[scan - 1])):
        scan -= 1
    if not any(_quoted(line) for line in lines[scan:signature]):
        return last
    for start in range(max(0, scan - _WRAPPED_LINES), scan):
        length = _attribution(lines, start)
        if length and start + length == scan:
            return start
    return scan


def _without_signature(lines: list[str], end: int) -> int:
    start = _signature_start(lines, end)
    return start if any(line.strip() for line in lines[:start]) else end


def _signature_start(lines: list[str], end: int) -> int:
    """Find where the signature at the end begins: after `-- `, or a line such as `Sent from my iPhone`."""
    for index in range(max(0, end - _SIGNATURE_LINES), end):
        line = lines[index]
        if line.startswith(("--", "—", "__")) and marks.SIGNATURE.match(line[:_MAX_LINE]) and _short(lines, index, end):
            return index
    last = end
    while last and not lines[last - 1].strip():
        last -= 1
    return last - 1 if last and marks.SENT_FROM.match(lines[last - 1].strip()[:_MAX_LINE]) else end


def _short(lines: list[str], index: int, end: int) -> bool:
    """Say whether this can be a signature: no quoted text, few lines (RFC 3676 section 4.3 and custom)."""
    rest = [line for line in lines[index + 1 : end] if line.strip()]
    return len(rest) <= 15 and not any(_quoted(line) for line in rest)  # noqa: PLR2004 - company signatures are long


def _next_text(lines: list[str], start: int) -> int:
    while start < len(lines) and not lines[start].strip():
        start += 1
    return start


def _quoted(line: str) -> bool:
    return line.lstrip(" ").startswith(">")
