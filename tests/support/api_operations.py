"""Operations of the API as its description has them, and requests that name given things: nothing is listed by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from console.api.document import document

NUMBER = r"^[0-9]{10}$"
WORDS: dict[str, Any] = {"text": "x", "address": "eve@e.example", "url": "https://e.example/"}
"""What requests must say that names nothing."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path. `numbers` are members of the body that name tickets, `files` those that name uploads."""

    name: str
    method: str
    path: str
    names: tuple[str, ...]
    query: tuple[str, ...]
    has_file: bool
    required: tuple[str, ...]
    numbers: tuple[str, ...]
    files: tuple[str, ...]

    def url(self, things: Mapping[str, Any]) -> str:
        """Fill the path. Raises a `KeyError` for a name that nobody has thought of."""
        return self.path.format(**{name: things[name] for name in self.names})

    def body(self, things: Mapping[str, Any]) -> dict[str, Any]:
        """Give the smallest body. Raises a `KeyError` for a member that nobody has thought of."""
        return {name: things["number"] if name in self.numbers else WORDS[name] for name in self.required}


def operations() -> list[Operation]:
    """Give every operation of the description."""
    found = document()
    prefix = "/api/v1"
    return [
        _operation(found, path.removeprefix(prefix), method, one)
        for path, methods in sorted(found["paths"].items())
        for method, one in sorted(methods.items())
    ]


def _operation(whole: dict[str, Any], path: str, method: str, one: dict[str, Any]) -> Operation:
    parameters = one.get("parameters", [])
    content = one.get("requestBody", {}).get("content", {})
    shape = _resolved(whole, content.get("application/json", {}).get("schema", {}))
    members = {name: list(_shapes(whole, member)) for name, member in shape.get("properties", {}).items()}
    return Operation(
        name=one["operationId"],
        method=method.upper(),
        path=path,
        names=tuple(one["name"] for one in parameters if one["in"] == "path"),
        query=tuple(one["name"] for one in parameters if one["in"] == "query"),
        has_file="application/octet-stream" in content,
        required=tuple(shape.get("required", ())),
        numbers=tuple(name for name, shapes in members.items() if any(one.get("pattern") == NUMBER for one in shapes)),
        files=tuple(name for name, shapes in members.items() if any(one["type"] == "integer" for one in shapes)),
    )


def _shapes(whole: dict[str, Any], shape: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a member's schema, those that it may be, and those of its items."""
    found = _resolved(whole, shape)
    yield found if "type" in found else {**found, "type": ""}
    for inner in (*found.get("anyOf", ()), *([found["items"]] if "items" in found else ())):
        yield from _shapes(whole, inner)


def _resolved(whole: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in shape:
        return shape
    found: dict[str, Any] = whole["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    return found
