"""The language of notice texts: a small part of Jinja2, so that every text ends soon and stays small.

A text may show values, choose by them, and walk over the refused files. It may not call, calculate, or repeat anything
else: with at most ten files and loops that do not nest, its output is at most some ten times its own size. The sandbox
of Jinja2 stands behind that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

VARIABLES: Final = frozenset(
    {
        *("name", "subject", "ticket", "tag", "address", "files", "more_files", "limit"),
        *("sharing_instructions", "contact_instructions"),
    }
)
"""What a text may use (`lifecycle.notices.variables`)."""

FILE_FIELDS: Final = frozenset({"name", "size", "too_big"})
FILTERS: Final = frozenset({"length", "lower", "upper", "trim"})
ALLOWED: Final[tuple[type[nodes.Node], ...]] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Const, nodes.Getattr),
    *(nodes.Filter, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with a text, and in which line."""

    line: int
    reason: str


def environment() -> ImmutableSandboxedEnvironment:
    """Make the sandbox. Texts are plain, so nothing is escaped; an unknown name is an error, never an empty place."""
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=0,
    )
    made.globals.clear()
    made.filters = {name: function for name, function in made.filters.items() if name in FILTERS}
    return made


def mistakes(source: str) -> list[Mistake]:
    """Find everything in a text that the language does not have, in the order of lines.

    Only what is right is compiled: the compiler works out constants, however large they get.
    """
    made = environment()
    try:
        tree = made.parse(source)
        found = sorted(_wrong(tree, frozenset()), key=lambda one: one.line)
        if not found:
            made.compile(tree)
    except TemplateSyntaxError as error:
        return [Mistake(line=error.lineno, reason=error.message or "it cannot be read")]
    except (RecursionError, SyntaxError, MemoryError):  # Python's own limits of nesting
        return [Mistake(line=1, reason="it is nested too deeply")]
    return found


def _wrong(node: nodes.Node, files: frozenset[str]) -> Iterator[Mistake]:
    """Walk a tree; `files` are the names that stand for a file here."""
    reason = _reason(node, files)
    if reason:
        yield Mistake(line=node.lineno, reason=reason)
        return
    if isinstance(node, nodes.For) and isinstance(node.target, nodes.Name):
        for part in (*node.else_, node.iter):
            yield from _wrong(part, files)
        for part in node.body:
            yield from _wrong(part, files | {node.target.name})
        return
    for child in node.iter_child_nodes():
        yield from _wrong(child, files)


def _reason(node: nodes.Node, files: frozenset[str]) -> str:
    if not isinstance(node, ALLOWED):
        return f"{type(node).__name__.lower()} has no place in a notice: show values, if, and for over files are all"
    if isinstance(node, nodes.For):
        return _loop_reason(node, files)
    if isinstance(node, nodes.Name) and node.name not in VARIABLES | files:
        return f"there is no {node.name!r}; there are: {', '.join(sorted(VARIABLES))}"
    if isinstance(node, nodes.Filter) and (node.name not in FILTERS or node.args or node.kwargs):
        return f"there is no filter {node.name!r}; there are: {', '.join(sorted(FILTERS))}, without arguments"
    if isinstance(node, nodes.Getattr):
        return _field_reason(node, files)
    return ""


def _loop_reason(node: nodes.For, files: frozenset[str]) -> str:
    if files:
        return "a loop stands in another one"
    if not (isinstance(node.iter, nodes.Name) and node.iter.name == "files" and isinstance(node.target, nodes.Name)):
        return "a loop goes over files alone: {% for file in files %}"
    if node.test is not None or node.recursive:
        return "a loop has no condition: put an if inside"
    return "a loop's name is that of a variable" if node.target.name in VARIABLES else ""


def _field_reason(node: nodes.Getattr, files: frozenset[str]) -> str:
    if not (isinstance(node.node, nodes.Name) and node.node.name in files):
        return "only a file has parts"
    return "" if node.attr in FILE_FIELDS else f"a file has no {node.attr!r}; it has: {', '.join(sorted(FILE_FIELDS))}"
