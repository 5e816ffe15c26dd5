"""The pieces of a message as bytes: what is kept as its raw, and read again for every try."""

import json
from collections.abc import Sequence
from typing import Any, Final

from connectors.sending import ChatFile, Part

VERSION: Final = 1


class PartsFormatError(Exception):
    """These are no pieces that this program wrote."""


def pack(parts: Sequence[Part]) -> bytes:
    """Write pieces; the same ones give the same bytes."""
    kept = {"version": VERSION, "parts": [_plain(part) for part in parts]}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def unpack(raw: bytes) -> list[Part]:
    """Read them again. Raises `PartsFormatError`."""
    try:
        kept = json.loads(raw)
        if kept["version"] != VERSION:
            raise PartsFormatError(f"pieces of version {kept['version']}")
        return [_part(found) for found in kept["parts"]]
    except (ValueError, KeyError, TypeError) as error:
        raise PartsFormatError("pieces that cannot be read") from error


def _plain(part: Part) -> dict[str, Any]:
    file = part.file
    return {
        "index": part.index,
        "to": part.to,
        "payload": dict(part.payload),
        "echo": part.echo,
        "file": None
        if file is None
        else {"name": file.name, "content_type": file.content_type, "size": file.size, "sha256": file.sha256},
    }


def _part(found: dict[str, Any]) -> Part:
    file = found["file"]
    return Part(
        index=found["index"],
        to=found["to"],
        payload=found["payload"],
        file=None if file is None else ChatFile(**file),
        echo=found["echo"],
    )
