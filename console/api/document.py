"""Writes `docs/openapi.json`, the description of the HTTP API.

    python -m console.api.document

A test holds the file to the paths.
"""

import json
from pathlib import Path
from typing import Any, Final, cast

from console.api.app import Rooms, make_app

FILE: Final = Path(__file__).parents[2] / "docs" / "openapi.json"


def document() -> dict[str, Any]:
    """Give the description; the rooms are not asked anything for it."""
    nobody = cast("Any", None)
    rooms = Rooms(
        tokens=nobody,
        requests=nobody,
        tickets=nobody,
        actions=nobody,
        spool=nobody,
        files=nobody,
        events=nobody,
        streams=1,
        streams_each=1,
        channels=nobody,
        webhooks=nobody,
    )
    return make_app(rooms).openapi()


def text() -> str:
    """Give it as the file holds it."""
    return json.dumps(document(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
