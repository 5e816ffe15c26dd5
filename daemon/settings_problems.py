"""A mistake in the settings: which key, why, and where the operator finds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from daemon.toml_lines import Path as KeyPath
from daemon.toml_lines import line_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake (or one warning). `where` is `file:line` or the name of an environment variable."""

    key: str
    reason: str
    where: str = ""
    level: Literal["error", "warning"] = "error"

    @property
    def line(self) -> int:
        """Give the line in the file; 0 for a variable or a default."""
        line = self.where.rpartition(":")[2]
        return int(line) if line.isdecimal() else 0

    def plain(self) -> str:
        """Give it as one line."""
        place = f"{self.where}: " if self.where else ""
        key = f"{self.key}: " if self.key else ""
        return f"{self.level}: {place}{key}{self.reason}"


class SettingsError(Exception):
    """The settings cannot be used. `problems` holds every mistake."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.plain() for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where each key was set: a line of the file, or a variable. A variable goes before the file."""

    file: str = ""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    variables: Mapping[KeyPath, str] = field(default_factory=dict)

    def problem(self, path: KeyPath, reason: str, *, level: Literal["error", "warning"] = "error") -> Problem:
        """Make a problem that says where the key stands."""
        return Problem(key=".".join(path), reason=reason, where=self.where(path), level=level)

    def where(self, path: KeyPath) -> str:
        """Give the variable that set the key (or something inside it), else the file and line; empty for a default."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.variables:
                return self.variables[path[:length]]
        inside = [name for at, name in self.variables.items() if at[: len(path)] == path]
        line = line_of(path, self.lines)
        if line is not None and (path in self.lines or not inside):
            return f"{self.file}:{line}"
        return inside[0] if inside else ""
