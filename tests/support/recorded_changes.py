"""Changes to recorded deliveries: values replaced and removed, bytes changed."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from recorded import Recording, compact

Path = tuple[str | int, ...]
Change = tuple[Path, bool, Any]

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**70, 1e308),
    *("", " ", "x", "0", "-1", "\x00", "\ud800", "a\r\nb: c", "\u202e", "9" * 400, "x" * 5000, "https://example.org/x"),
    *([], {}, [None], [[[]]], {"": None}, {"type": "text"}, [{"type": 1}]),
)
"""What stands in the place of a value: wrong types, edges, what stores and logs refuse."""


def paths(value: object, above: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value below its top."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*above, key)
        yield from paths(part, (*above, key))


def changed_bodies(recording: Recording) -> st.SearchStrategy[bytes]:
    """Bodies of which up to three values were replaced or removed; of other bodies than JSON, bytes."""
    if not recording.is_json:
        return _changed_bytes(recording.raw)
    body = recording.content["delivery"]["json"]
    places = list(paths(body))
    if not places:
        return st.just(compact(body))
    change = st.tuples(st.sampled_from(places), st.booleans(), st.sampled_from(ODD))
    return st.lists(change, min_size=1, max_size=3).map(lambda changes: compact(_changed(body, changes)))


def _changed(body: Any, changes: list[Change]) -> Any:
    for path, removed, value in changes:
        body = _at(body, path, removed=removed, value=value)
    return body


def _at(body: Any, path: Path, *, removed: bool, value: Any) -> Any:
    """Give a copy with one place changed; what is not there any more stays so."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(body, dict) and key in body:
        if removed and not rest:
            return {name: part for name, part in body.items() if name != key}
        return {**body, key: _at(body[key], rest, removed=removed, value=value)}
    if isinstance(body, list) and isinstance(key, int) and key < len(body):
        if removed and not rest:
            return [*body[:key], *body[key + 1 :]]
        return [*body[:key], _at(body[key], rest, removed=removed, value=value), *body[key + 1 :]]
    return body


def _changed_bytes(raw: bytes) -> st.SearchStrategy[bytes]:
    def cut(change: tuple[int, int, bytes]) -> bytes:
        at, length, put = change
        return raw[:at] + put + raw[at + length :]

    put = st.sampled_from((b"", b"\x00", b"\xff", b"\r\n", b"\r\n\r\n", b"x" * 1000, b"=?", b'"', b"--"))
    return st.tuples(st.integers(0, max(0, len(raw) - 1)), st.integers(0, 40), put).map(cut)


def with_other_byte(content: bytes, at: int) -> bytes:
    """Give bytes of which one differs."""
    at %= len(content)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
