"""The examples of `schemas/examples/`, for tests that want one message per channel or one event per type."""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[2] / "schemas" / "examples"
CHANNELS: Final = ("mail", "webchat", "webform", "telegram", "viber", "vk", "api")


def message_examples() -> dict[str, dict[str, Any]]:
    """Give every `InboundMessage` example by file name: one per channel, and the kinds that are no message."""
    return {path.stem: _read(path) for path in _paths() if not path.stem.startswith("ticket.")}


def event_examples() -> dict[str, dict[str, Any]]:
    """Give every ticket event example by its type."""
    return {path.stem: _read(path) for path in _paths() if path.stem.startswith("ticket.")}


def _paths() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
