"""Finds what an edited JSON Schema would break, for the schemas that pydantic exports.

Two parties can break. *Old records*: the log keeps 14 days of them and archives keep them for years, so whatever was
valid stays valid. *Old readers*: systems that were built on the released schema, so nothing new may appear in what they
already read. Only additions that both can ignore pass: a new optional property, a new definition, other words in a
description. A keyword that this checker does not know counts as broken when it changes, so it fails closed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

Schema = dict[str, Any]

ANNOTATIONS: Final = frozenset({"title", "description", "examples", "$schema", "$comment", "$defs", "$ref"})
LOWER_BOUNDS: Final = frozenset({"minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"})
UPPER_BOUNDS: Final = frozenset({"maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"})
STRUCTURE: Final = frozenset({"properties", "required", "items", "additionalProperties", "anyOf", "enum", "const"})

OLD_RECORDS: Final = "old records are refused"
OLD_READERS: Final = "old readers fail"


@dataclass(frozen=True, slots=True)
class Break:
    """One incompatible change: where in the schema, what changed, and who suffers."""

    where: str
    what: str
    who: str

    def __str__(self) -> str:
        return f"{self.where or '(top)'}: {self.what} ({self.who})"


def breaks(old: Schema, new: Schema) -> list[Break]:
    """Give every incompatible change from the released schema to the new one, in the order of the schema."""
    return list(_Comparison(old=old, new=new).node(old, new, ""))


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    old: Schema
    new: Schema
    compared: set[tuple[str, str]] = field(default_factory=set)

    def node(self, old: Any, new: Any, where: str) -> Iterator[Break]:
        """Compare two subschemas. A pair of definitions is compared once, at the first place that names it."""
        if isinstance(old, bool) or isinstance(new, bool):
            yield from _changed(old, new, where)
            return
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if all(pair) and pair in self.compared:
            yield from _values(_without_ref(old), _without_ref(new), where)
            return
        self.compared.add(pair)
        old, new = _resolved(old, self.old), _resolved(new, self.new)
        yield from _values(old, new, where)
        yield from _bounds(old, new, where)
        yield from _choices(old, new, where)
        yield from self._object(old, new, where)
        yield from self._inner(old, new, where)

    def _object(self, old: Schema, new: Schema, where: str) -> Iterator[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before.keys() - after.keys():
            yield Break(f"{where}.{name}", "property removed", OLD_READERS)
        for name in _list(new, "required") - _list(old, "required"):
            yield Break(f"{where}.{name}", "now required", OLD_RECORDS)
        for name in _list(old, "required") - _list(new, "required"):
            yield Break(f"{where}.{name}", "no longer required", OLD_READERS)
        for name in (name for name in before if name in after):
            yield from self.node(before[name], after[name], f"{where}.{name}")

    def _inner(self, old: Schema, new: Schema, where: str) -> Iterator[Break]:
        yield from self.node(old.get("items", True), new.get("items", True), f"{where}[]")
        extra = ("additionalProperties", True)
        yield from self.node(old.get(*extra), new.get(*extra), f"{where}.*")
        before, after = _branches(old), _branches(new)
        for name in before.keys() - after.keys():
            yield Break(where, f"no longer takes {name}", OLD_RECORDS)
        for name in after.keys() - before.keys():
            yield Break(where, f"also takes {name}", OLD_READERS)
        for name in before.keys() & after.keys():
            yield from self.node(before[name], after[name], f"{where}|{name}")


def _values(old: Schema, new: Schema, where: str) -> Iterator[Break]:
    """Compare keywords of which any change counts: type, pattern, format, default, and all that are unknown here."""
    known = ANNOTATIONS | LOWER_BOUNDS | UPPER_BOUNDS | STRUCTURE
    for keyword in sorted((old.keys() | new.keys()) - known):
        if keyword not in old or keyword not in new or old[keyword] != new[keyword]:
            yield Break(where, f"{keyword} {old.get(keyword)!r} became {new.get(keyword)!r}", OLD_RECORDS)


def _bounds(old: Schema, new: Schema, where: str) -> Iterator[Break]:
    infinity = float("inf")
    for keyword in sorted((LOWER_BOUNDS | UPPER_BOUNDS) & (old.keys() | new.keys())):
        sign = 1 if keyword in UPPER_BOUNDS else -1
        before, after = (sign * schema.get(keyword, sign * infinity) for schema in (old, new))
        if before != after:
            what = f"{keyword} {old.get(keyword)} became {new.get(keyword)}"
            yield Break(where, what, OLD_RECORDS if after < before else OLD_READERS)


def _choices(old: Schema, new: Schema, where: str) -> Iterator[Break]:
    before, after = _allowed(old), _allowed(new)
    if before is None and after is None:
        return
    if before is None or after is None:
        yield Break(where, "a free value and a fixed choice changed places", OLD_RECORDS if after else OLD_READERS)
        return
    for value in sorted(before - after):
        yield Break(where, f"{value} is no choice any more", OLD_RECORDS)
    for value in sorted(after - before):
        yield Break(where, f"{value} is a new choice", OLD_READERS)


def _allowed(schema: Schema) -> set[str] | None:
    """Give the fixed choices as text, or None where any value goes."""
    if "const" in schema:
        return {repr(schema["const"])}
    return {repr(value) for value in schema["enum"]} if "enum" in schema else None


def _branches(schema: Schema) -> dict[str, Schema]:
    """Name the branches of anyOf by what they refer to, or by their type."""
    return {branch.get("$ref") or str(branch.get("type", branch)): branch for branch in schema.get("anyOf", ())}


def _changed(old: Any, new: Any, where: str) -> Iterator[Break]:
    if old != new:
        yield Break(where, "was opened or closed to other values", OLD_RECORDS if old is True else OLD_READERS)


def _list(schema: Schema, keyword: str) -> set[str]:
    return set(schema.get(keyword, ()))


def _without_ref(schema: Schema) -> Schema:
    return {keyword: value for keyword, value in schema.items() if keyword != "$ref"}


def _resolved(schema: Schema, document: Schema) -> Schema:
    """Follow `$ref` to the definition; what stands beside the reference is kept."""
    if "$ref" not in schema:
        return schema
    target = document["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return {**_resolved(target, document), **_without_ref(schema)}
