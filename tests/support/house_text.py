"""The house rules for files that are no Python: named SQL statements, migrations, and words that belong nowhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from house_rules import Finding

NAME: Final = re.compile(r"^-- name: (?P<name>[a-z][a-z0-9_]*)(?P<kind>\^|\$|!|<!|\*!|#)?$")
MIGRATION: Final = re.compile(r"^\d{4}_[a-z0-9_]+\.sql$")

MACHINE_PATHS: Final = tuple(f"/{folder}/" for folder in ("root", "home", "work", "Users"))
REGISTRIES: Final = tuple(
    ".".join(parts)
    for parts in (
        ("files", "pythonhosted"),
        ("pypi", "org"),
        ("repo", "maven"),
        ("repo1", "maven"),
        ("deb", "debian"),
        ("registry", "npmjs"),
        ("proxy", "golang"),
    )
)
NEIGHBOUR: Final = "../shared"
"""A folder beside the checkout that tests and bench may read where it exists, and nothing else may name."""


def statements(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split a file of named statements: each name (empty for what stands before the first) with its lines."""
    name, lines = "", list[str]()
    for line in text.splitlines():
        if line.startswith("-- name:"):
            yield name, lines
            match = NAME.match(line)
            name, lines = (match["name"] if match else f"? {line}"), []
        else:
            lines.append(line)
    yield name, lines


def named_statement(where: str, text: str) -> Iterator[Finding]:
    """Every statement has a name and one line that says what it does."""
    for name, lines in statements(text):
        code = [line for line in lines if line.strip() and not line.lstrip().startswith("--")]
        if not name:
            if code:
                yield Finding("sql-name", where, f"stands before the first name: {code[0][:40]!r}")
        elif name.startswith("?"):
            yield Finding("sql-name", where, f"is no name: {name[2:]!r}")
        else:
            yield from _described(f"{where}:{name}", lines, code)


def _described(where: str, lines: list[str], code: list[str]) -> Iterator[Finding]:
    comments = [line for line in lines if line.startswith("--")]
    if not code:
        yield Finding("sql-name", where, "has no statement")
    if not lines or not lines[0].startswith("-- ") or len(lines[0].split()) < 3:
        yield Finding("sql-comment", where, "has no comment line under its name that says what it does")
    elif len(comments) > 1:
        yield Finding("sql-comment", where, "has more than one comment line under its name")


def migration(path: Path, text: str) -> Iterator[Finding]:
    """A migration is `NNNN_what.sql` and says in its first line what it does."""
    if not MIGRATION.match(path.name):
        yield Finding("migration", path.name, "is not named NNNN_what.sql")
    if not text.startswith("-- ") or len(text.partition("\n")[0].split()) < 4:
        yield Finding("migration", path.name, "does not begin with a comment that says what it does")


def foreign_words(where: str, text: str) -> Iterator[Finding]:
    """No file names this or that machine's folders, a package registry's host, or a folder beside the checkout."""
    words = MACHINE_PATHS + REGISTRIES
    if where.partition("/")[0] not in {"tests", "bench"}:
        words += (NEIGHBOUR,)
    if not any(word in text for word in words):
        return
    for number, line in enumerate(text.splitlines(), start=1):
        for word in words:
            if word in line and not _inside_longer_path(word, line):
                yield Finding("foreign-word", where, f"line {number}: {word}")


def _inside_longer_path(word: str, line: str) -> bool:
    """Say whether the folder is a part of a longer path, as in `/srv/home/x`: that one is nobody's machine."""
    return word in MACHINE_PATHS and not re.search(rf"(?<![\w.~}}$-]){re.escape(word)}", line)
