"""Exports of old desks as files: CSV and JSON lines, in whatever encoding and with whatever separator.

One line at a time, never the whole file in memory. A bad line is told with its number and reason; the others count.
"""

import codecs
import csv
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO, Final, TextIO

import charset_normalizer

from daemon.errors import NOT_FOUND, USAGE, UserError
from daemon.legacy_lines import COLUMNS, LineError, read_line
from schemas.legacy import ImportedTicket

FORMATS: Final = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".mbox": "mbox"}
MAX_FIELD: Final = 4 * 1024 * 1024
"""Characters of one line of JSON, or of one field of CSV."""

SAMPLE: Final = 256 * 1024
"""Bytes by which an encoding is guessed when it is not UTF-8."""

BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
OTHER_NAMES: Final = {
    **dict.fromkeys(("id", "ticket", "ticket_number", "ticketnumber", "case"), "number"),
    **dict.fromkeys(("email", "from", "customer", "requester_address"), "requester"),
    **dict.fromkeys(("requester_name", "customer_name"), "name"),
    **dict.fromkeys(("title",), "subject"),
    **dict.fromkeys(("state",), "status"),
    **dict.fromkeys(("created", "created_at", "opened"), "opened_at"),
    **dict.fromkeys(("last_messages", "history", "text"), "messages"),
    **dict.fromkeys(("message_id", "message-id", "message-ids"), "message_ids"),
}
"""What other desks call the columns."""

Bad = Callable[[int, str], None]
"""Hears the number of a line, from 1, and why it cannot be used."""


def format_of(path: Path, named: str | None) -> str:
    """Give the format that was named, else that of the file's suffix. Raises `UserError`."""
    known = sorted(set(FORMATS.values()))
    found = named or FORMATS.get(path.suffix.lower())
    if found not in known:
        raise UserError(f"say what {path} is: --format {'|'.join(known)}", code=USAGE)
    return found


def encoding_of(path: Path) -> str:
    """Give the encoding: by its mark, else UTF-8 when the whole file is, else what its beginning looks most like."""
    try:
        with path.open("rb") as file:
            sample = file.read(SAMPLE)
            marked = next((name for mark, name in BOMS if sample.startswith(mark)), None)
            if marked is not None:
                return marked
            if _is_utf8(file, sample):
                return "utf-8"
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", code=NOT_FOUND) from error
    best = charset_normalizer.from_bytes(sample).best()
    return best.encoding if best else "cp1252"


def _is_utf8(file: BinaryIO, part: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while part:
            decoder.decode(part)
            part = file.read(SAMPLE)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def read_csv(file: TextIO, *, zone: tzinfo, bad: Bad) -> Iterator[ImportedTicket]:
    """Read CSV with a line of names. Raises `UserError` when no column is the number."""
    csv.field_size_limit(MAX_FIELD)
    first = file.readline(MAX_FIELD)
    separator = max(";,\t", key=first.count)
    names = _columns(first, separator)
    reader = csv.reader(file, delimiter=separator)
    while True:
        begins = reader.line_num + 2
        try:
            row = next(reader, None)
        except csv.Error as error:
            bad(begins, f"is no line of CSV: {error}")
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            line = _fitting(begins, row, names, bad)
            yield from _read(begins, line, zone, bad) if line is not None else ()


def read_jsonl(file: TextIO, *, zone: tzinfo, bad: Bad) -> Iterator[ImportedTicket]:
    """Read one JSON object a line."""
    number = 0
    while text := file.readline(MAX_FIELD):
        number += 1
        if len(text) >= MAX_FIELD and not text.endswith("\n"):
            bad(number, f"has more than {MAX_FIELD:,} characters")
            while (rest := file.readline(MAX_FIELD)) and not rest.endswith("\n"):
                pass
            continue
        if not text.strip():
            continue
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            bad(number, "is no JSON")
            continue
        if not isinstance(found, dict):
            bad(number, "is no JSON object")
        else:
            yield from _read(number, {_column(key): value for key, value in found.items()}, zone, bad)


def _fitting(number: int, row: list[str], names: list[str], bad: Bad) -> Mapping[str, object] | None:
    if len(row) > len(names):
        bad(number, f"has {len(row)} fields, the first line {len(names)}: is a separator or quote not quoted?")
        return None
    line: dict[str, object] = dict(zip(names, row, strict=False))
    text = line.get("messages")
    if isinstance(text, str) and text.lstrip().startswith("["):
        try:
            line["messages"] = json.loads(text)
        except (ValueError, RecursionError):
            bad(number, "messages begins like JSON but is none")
            return None
    return line


def _read(number: int, line: Mapping[str, object], zone: tzinfo, bad: Bad) -> Iterator[ImportedTicket]:
    try:
        yield read_line(line, zone=zone)
    except LineError as error:
        bad(number, str(error))


def _column(name: str) -> str:
    folded = "_".join(name.strip().lower().split())
    return OTHER_NAMES.get(folded, folded)


def _columns(first: str, separator: str) -> list[str]:
    try:
        names = [_column(name) for name in next(csv.reader([first], delimiter=separator), [])]
    except csv.Error:
        names = []
    if "number" not in names:
        raise UserError(f"the first line must name the columns, with number among them: {', '.join(COLUMNS)}")
    return names
