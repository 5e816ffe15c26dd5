"""The pieces of a message as bytes: what is kept as its raw, and read again for every try."""

import json
from collections.abc import Sequence
from typing import Any, Final

from connectors.sending import ChatFile, Part

VERSION: Final = 1
WITH_ALBUMS: Final = 2
"""Version of pieces of which one has several files: a program that knows none must not send it without them."""


class PartsFormatError(Exception):
    """These are no pieces that this program wrote."""


def pack(parts: Sequence[Part]) -> bytes:
    """Write pieces; the same ones give the same bytes."""
    version = WITH_ALBUMS if any(part.album for part in parts) else VERSION
    kept = {"version": version, "parts": [_plain(part) for part in parts]}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def unpack(raw: bytes) -> list[Part]:
    """Read them again. Raises `PartsFormatError`."""
    try:
        kept = json.loads(raw)
        if kept["version"] not in (VERSION, WITH_ALBUMS):
            raise PartsFormatError(f"pieces of version {kept['version']}")
        return [_part(found) for found in kept["parts"]]
    except (ValueError, KeyError, TypeError) as error:
        raise PartsFormatError("pieces that cannot be read") from error


def _plain(part: Part) -> dict[str, Any]:
    album = {"album": [_plain_file(file) for file in part.album]} if part.album else {}
    return {
        "index": part.index,
        "to": part.to,
        "payload": dict(part.payload),
        "echo": part.echo,
        "file": None if part.file is None else _plain_file(part.file),
        **album,
    }


def _plain_file(file: ChatFile) -> dict[str, Any]:
    return {"name": file.name, "content_type": file.content_type, "size": file.size, "sha256": file.sha256}


def _part(found: dict[str, Any]) -> Part:
    file = found["file"]
    return Part(
        index=found["index"],
        to=found["to"],
        payload=found["payload"],
        file=None if file is None else ChatFile(**file),
        album=tuple(ChatFile(**one) for one in found.get("album", ())),
        echo=found["echo"],
    )
