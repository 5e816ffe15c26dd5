"""What pages of ours are shown of a dialogue: our lines, and the words of the person at the other end."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas.dialogue_rows import DialogueLine, OwnWords

OWN: Final = "c."
"""Before the page's name of a message, so that it is never one of ours, which are numbers."""


def line_facts(line: DialogueLine) -> dict[str, object]:
    """Give a line as the widget shows it; a file is fetched by the line's number and its place."""
    files = [{"name": file.get("name", ""), "size": file.get("size", 0)} for file in line.files]
    return {"line": line.line, "text": line.body, "at": line.said_at.isoformat(), "files": files}


def own_facts(words: OwnWords) -> dict[str, object]:
    """Give what the visitor said, as the widget shows it."""
    return {
        "id": words.client_id.removeprefix(OWN),
        "text": words.body,
        "at": words.said_at.isoformat(),
        "files": shown(words.files),
    }


def shown(files: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Give names and sizes alone."""
    return [{"name": file.get("name", ""), "size": file.get("size") or 0} for file in files]
