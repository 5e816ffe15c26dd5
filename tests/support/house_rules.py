"""The house rules as functions: a Python file in, what breaks a rule out. `tests/test_house_rules.py` runs them."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from house_tree import Source

MAX_FILE_LINES: Final = 300
MAX_FUNCTION_LINES: Final = 60
USUAL_FUNCTION_LINES: Final = 30
MIN_NAME_WORDS: Final = 3
MIN_REASON: Final = 8
"""Characters of a reason; shorter ones say nothing."""

CLOCKS: Final = frozenset(
    {
        *(("datetime", name) for name in ("now", "utcnow", "today")),
        ("date", "today"),
        *(("time", name) for name in ("time", "time_ns", "localtime", "gmtime", "ctime")),
    }
)
METRICS: Final = frozenset({"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"})

SQL: Final = re.compile(
    r"""\s*(
        select\s | insert\s+into\s | update\s+[\w."]+\s+set\s | delete\s+from\s | merge\s+into\s
      | with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s | values\s*\( | truncate\s
      | (create|alter|drop)\s+(or\s+replace\s+|unique\s+|unlogged\s+|temp\s+|temporary\s+)*
        (table|index|view|sequence|database|schema|function|role|type|trigger|extension)\b
      | copy\s+[\w."]+.*\b(from|to)\s | lock\s+table\s | (un)?listen\s+[\w"{] | notify\s+[\w"{]
      | set\s+(local|session)\s | (commit|rollback|start\s+transaction|vacuum|analyze)\s*;?\s*$
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
NOQA: Final = re.compile(r"#\s*(ruff:\s*)?noqa:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*\s+(-|#)\s*(?P<reason>.*)")
IGNORE: Final = re.compile(r"#\s*type:\s*ignore\[[\w, -]+\]\s+(-|#)\s*(?P<reason>.*)")
SILENCER: Final = re.compile(r"#\s*(noqa|type:\s*ignore|ruff:\s*noqa|mypy:|pyright:|pragma:\s*no)", re.IGNORECASE)
FILLERS: Final = frozenset({"the", "a", "an", "of", "to", "for", "is", "get", "gets", "give", "gives", "returns"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Finding:
    """Where a rule is broken, and how. `where` is a path, with `:name` of the function where there is one."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} [{self.rule}]"


Rule = Callable[[Source], Iterator[Finding]]


def clock(source: Source) -> Iterator[Finding]:
    """Time is an argument: nobody but the daemon asks the clock, nor hands the asking on."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and (_last_name(node.value), node.attr) in CLOCKS:
            yield Finding("clock", source.where, f"line {node.lineno}: {_last_name(node.value)}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            for alias in node.names:
                if ("time", alias.name) in CLOCKS:
                    yield Finding("clock", source.where, f"line {node.lineno}: from time import {alias.name}")


def sql(source: Source) -> Iterator[Finding]:
    """SQL stands in `.sql` files; a string that begins like a statement is one."""
    documentation = {id(node) for node in _documentation(source)}
    for node in source.nodes:
        if not isinstance(node, ast.Constant) or id(node) in documentation:
            continue
        text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        if isinstance(text, str) and SQL.match(text):
            yield Finding("sql", source.where, f"line {node.lineno}: {text.strip()[:40]!r}")


def metric(source: Source) -> Iterator[Finding]:
    """Every metric is named in one module."""
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("prometheus_client"):
            for alias in node.names:
                if alias.name in METRICS:
                    yield Finding("metric", source.where, f"line {node.lineno}: imports {alias.name}")
        elif isinstance(node, ast.Attribute) and node.attr in METRICS and _last_name(node.value) == "prometheus_client":
            yield Finding("metric", source.where, f"line {node.lineno}: uses {node.attr}")


def file_lines(source: Source) -> Iterator[Finding]:
    """Files stay under 300 lines."""
    lines = source.text.count("\n")
    if lines >= MAX_FILE_LINES:
        yield Finding("file-lines", source.where, f"{lines} lines")


def function_lines(source: Source) -> Iterator[Finding]:
    """No function has more than 60 lines."""
    for name, node in functions(source.tree):
        if length(node) > MAX_FUNCTION_LINES:
            yield Finding("function-lines", f"{source.where}:{name}", f"{length(node)} lines")


def silencer(source: Source) -> Iterator[Finding]:
    """A silenced check names its code and says why."""
    if not SILENCER.search(source.text):
        return  # most files: no need to read their tokens
    for line, comment in source.comments():
        match = NOQA.search(comment) or IGNORE.search(comment)
        if SILENCER.search(comment) and (match is None or len(match["reason"]) < MIN_REASON):
            yield Finding("silencer", source.where, f"line {line}: {comment}")


def docstring(source: Source) -> Iterator[Finding]:
    """Whatever is public says more than its name."""
    for name, node in _public(source):
        text = ast.get_docstring(node) or ""
        if not text:
            yield Finding("docstring", f"{source.where}:{name}", "has no docstring")
        elif _words(text.partition("\n")[0]) - FILLERS <= _words(_split_name(name.rpartition(".")[2])):
            yield Finding("docstring", f"{source.where}:{name}", f"only repeats its name: {text[:60]!r}")


def sentence_name(source: Source) -> Iterator[Finding]:
    """A test is named like a sentence: three words at least."""
    for name, _ in functions(source.tree):
        last = name.rpartition(".")[2]
        if last.startswith("test_") and len(last.split("_")) <= MIN_NAME_WORDS:
            yield Finding("test-name", f"{source.where}:{name}", "is no sentence")


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Give every function of a tree with its dotted name, methods and inner ones too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.expr, ast.expr_context)):
            continue  # no expression holds a `def`
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name, node
        inner = f"{prefix}{node.name}." if isinstance(node, (Function, ast.ClassDef)) else prefix
        yield from functions(node, inner)


def length(node: Function) -> int:
    """Count the lines of a function from `def` to its end, without its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def _public(source: Source) -> Iterator[tuple[str, ast.Module | ast.ClassDef | Function]]:
    module = source.where.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]
    yield module, source.tree
    yield from _public_members(source.tree, "")


def _public_members(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    for member in node.body:
        if not isinstance(member, (ast.ClassDef, Function)) or member.name.startswith("_"):
            continue
        if not _described_elsewhere(member):
            yield prefix + member.name, member
            if isinstance(member, ast.ClassDef):
                yield from _public_members(member, f"{prefix}{member.name}.")


def _described_elsewhere(node: ast.ClassDef | Function) -> bool:
    """Say whether the words stand at what it overrides, at the getter, at the last overload, or at its protocol."""
    names = {_last_name(decorator) for decorator in node.decorator_list}
    bodiless = all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in node.body)
    return bool(names & {"override", "overload", "setter", "deleter"}) or ("property" in names and bodiless)


def _documentation(source: Source) -> Iterator[ast.expr]:
    """Give strings that stand alone: docstrings, and those under an attribute."""
    for node in source.nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _split_name(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ")


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))
