"""The official description of the Bot API, where it lies beside the checkout: whether a value is what it says."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from house_tree import ROOT

SCALARS: Mapping[str, tuple[type, ...]] = {
    "Integer": (int,),
    "String": (str,),
    "Float": (int, float),
    "Boolean": (bool,),
    "True": (bool,),
}


@cache
def types() -> Mapping[str, Any] | None:
    """Give all types by name; None where the description is not there."""
    found = [path for parent in ROOT.parents for path in (parent / "shared/platform-schemas/telegram").glob("*.json")]
    if not found:
        return None
    described = json.loads(Path(found[0]).read_text(encoding="utf-8"))
    return {child["name"]: child for item in described["items"] for child in item["children"]}


def mistakes(value: object, kind: str, where: str = "") -> Iterator[str]:
    """Say where a value is not of a type; unknown keys are mistakes, too."""
    known = types() or {}
    if kind.startswith("Array of "):
        if not isinstance(value, list):
            yield f"{where}: no list"
            return
        for index, item in enumerate(value):
            yield from mistakes(item, kind.removeprefix("Array of "), f"{where}[{index}]")
    elif " or " in kind:
        if all(list(mistakes(value, one, where)) for one in kind.split(" or ")):
            yield f"{where}: no {kind}"
    elif kind in SCALARS:
        if not isinstance(value, SCALARS[kind]) or (isinstance(value, bool) and kind not in {"Boolean", "True"}):
            yield f"{where}: no {kind}"
    elif not known[kind].get("annotations"):
        yield from _one_of(value, kind, where)
    else:
        yield from _object(value, known[kind]["annotations"], f"{where}.{kind}")


def _one_of(value: object, kind: str, where: str) -> Iterator[str]:
    """A type without fields is one of several, which are named like it; text may stand for rich text."""
    if kind in {"RichText", "InputFile"}:
        return
    family = {"MaybeInaccessibleMessage": ("Message", "InaccessibleMessage")}.get(kind) or tuple(
        name for name, one in (types() or {}).items() if name.startswith(kind) and one.get("annotations")
    )
    if all(list(mistakes(value, name, where)) for name in family):
        yield f"{where}: no {kind}"


def _object(value: object, fields: list[Mapping[str, Any]], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: no object"
        return
    described = {field["name"]: field for field in fields}
    for key, item in value.items():
        if key not in described:
            yield f"{where}: unknown {key}"
        else:
            yield from mistakes(item, described[key]["type"], f"{where}.{key}")
    yield from (
        f"{where}: {name} is missing" for name, one in described.items() if one["required"] and name not in value
    )
