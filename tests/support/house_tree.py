"""The project's own files, read once, for the tests that hold the house rules."""

import ast
import io
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
SKIPPED: Final = frozenset({"__pycache__", "var", "dist", "out", "node_modules"})
"""Folders that hold nothing of ours, at any depth; hidden ones are skipped too, but for `.ci`."""


@dataclass(frozen=True)
class Source:
    """One Python file: where it stands, and its text, tree and comments."""

    where: str
    text: str

    @property
    def room(self) -> str:
        """The top-level folder."""
        return self.where.partition("/")[0]

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, filename=self.where)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree: several rules look at all of them."""
        return tuple(ast.walk(self.tree))

    def comments(self) -> Iterator[tuple[int, str]]:
        """Every comment with its line; what stands in strings is none."""
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def rooms_on_disk() -> set[str]:
    """Name the top-level packages."""
    return {path.parent.name for path in ROOT.glob("*/__init__.py")}


@cache
def files() -> tuple[Path, ...]:
    """Give every file of the project, sorted; nothing generated, nothing hidden but `.ci` and the dot files."""
    return tuple(sorted(_walk(ROOT)))


@cache
def sources() -> tuple[Source, ...]:
    """Give every Python file of rooms, tests and bench."""
    found = (path for path in files() if path.suffix == ".py")
    return tuple(Source(where=shown(path), text=path.read_text(encoding="utf-8")) for path in found)


def room_sources() -> list[Source]:
    """Give the Python files of the rooms alone."""
    rooms = rooms_on_disk()
    return [source for source in sources() if source.room in rooms]


def shown(path: Path) -> str:
    """Give a path as the project writes it."""
    return path.relative_to(ROOT).as_posix()


def pyproject() -> dict[str, Any]:
    """Read the project file."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif path.is_dir() and path.name not in SKIPPED and not _hidden(path):
            yield from _walk(path)


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") and path.name != ".ci"
