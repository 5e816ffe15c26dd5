"""Where each key of a TOML file stands, so that a mistake can be shown with its line.

`tomllib` says what a file means and not where. This scanner only looks for keys (TOML 1.0, sections "Keys" and
"Table"); it runs over text that `tomllib` has already accepted, so it need not judge the syntax.
"""

import re
from collections.abc import Iterator, Mapping

Path = tuple[str, ...]

_PART = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*\[(\[)?[ \t]*({_DOTTED})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}|\'\'\'.*?\'{3,5}'  # multi-line strings
    r'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\''  # strings
    r"|#[^\n]*|[\[{]|[\]}]|\n",
    re.DOTALL,
)


def key_lines(text: str) -> Mapping[Path, int]:
    """Give the line (1-based) of every table header and key; a key inside an inline table has its table's line."""
    lines: dict[Path, int] = {}
    table: Path = ()
    arrays: dict[Path, int] = {}
    for number, statement in _statements(text):
        header = _HEADER.match(statement)
        if header is not None:
            table = _table(_parts(header[2]), arrays, is_array=bool(header[1]))
            lines.setdefault(table, number)
        elif (key := _KEY.match(statement)) is not None:
            lines[table + _parts(key[1])] = number
    return lines


def line_of(path: Path, lines: Mapping[Path, int]) -> int | None:
    """Give the line of the key, or of the nearest table around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _table(parts: Path, arrays: dict[Path, int], *, is_array: bool) -> Path:
    """Give the table's path; elements of an array of tables are numbered as pydantic numbers them."""
    if not is_array:
        return parts
    index = arrays[parts] = arrays.get(parts, -1) + 1
    return (*parts, str(index))


def _parts(dotted: str) -> Path:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in re.findall(_PART, dotted))


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Give every line that begins a statement, with its number: not the inside of arrays and multi-line strings."""
    lines = text.split("\n")
    depth, number = 0, 1
    yield number, lines[0]
    for token in _TOKEN.finditer(text):
        depth += (token[0] in ("[", "{")) - (token[0] in ("]", "}"))
        number += token[0].count("\n")
        if token[0] == "\n" and depth == 0:
            yield number, lines[number - 1]
