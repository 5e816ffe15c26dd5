"""What `new-channel` writes: a channel that works, with recorded deliveries, tests and what to do next."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from daemon.channels import channels
from daemon.errors import UserError

ROOT: Final = Path(__file__).parents[1]
TEMPLATES: Final = Path(__file__).parent / "templates" / "channel"
_NAME: Final = re.compile(r"[a-z][a-z0-9]{1,30}")
_SECRET: Final = "invented secret of nobody"  # noqa: S105 - stands in recorded deliveries alone
_TEXT: Final[dict[str, Any]] = {
    "id": 17,
    "chat": 4711,
    "from": 4711,
    "name": "Ana Invented",
    "text": "Where is my parcel?",
}
DELIVERIES: Final[dict[str, tuple[str, object]]] = {
    "text": ("A text", _TEXT),
    "retry": ("The same text, sent again", _TEXT),
    "reply": ("An answer to an earlier message", {**_TEXT, "id": 18, "answers": 17}),
    "unknown-content": ("Content that nobody knows yet", {"id": 19, "chat": 4711, "from": 4711, "type": "sticker"}),
    "other-chat": ("A text of somebody else", {**_TEXT, "chat": 4712, "from": 4712}),
    "empty-text": ("A text without words", {**_TEXT, "id": 20, "text": ""}),
    "line-ends": ("Line ends of every kind", {**_TEXT, "id": 21, "text": "one\r\ntwo\rthree\nfour"}),
    "hostile-name": ("A name that tries to be a header", {**_TEXT, "id": 22, "name": "Eve\r\nBcc: all@example.org"}),
    "nul-in-text": ("A NUL, which no store takes", {**_TEXT, "id": 23, "text": "a\0b"}),
    "no-sender": ("Nobody said it: held for people", {"id": 24, "chat": 4711, "text": "hello"}),
    "colon-in-chat": ("A chat that would read like a message of another one", {**_TEXT, "chat": "1:2"}),
    "a-list": ("JSON, and no object", [1, 2]),
}


def new_channel(name: str) -> list[Path]:
    """Write the two folders, and give what was written. Raises `UserError`."""
    if _NAME.fullmatch(name) is None:
        raise UserError("a channel's name is 2 to 31 small letters and digits, a letter first")
    folder, tests = ROOT / "connectors" / name, ROOT / "tests" / "connectors" / name
    if not tests.parent.is_dir():
        raise UserError("this is no checkout of the project: new channels are written where its tests are")
    if name in channels() or folder.exists() or tests.exists():
        raise UserError(f"there is a channel {name} already")
    written = [*_code(name, folder, tests), *_recorded(name, tests / "recorded")]
    _run("-m", "ruff", "check", "--quiet", "--select", "I", "--fix", str(folder))
    _run("tests/support/recorded.py", name)
    _run("-m", "daemon.channels_page")
    _run("-m", "daemon.settings_page")
    return written


def _code(name: str, folder: Path, tests: Path) -> Iterator[Path]:
    for template in sorted(TEMPLATES.glob("*.txt")):
        path = folder / template.stem
        if template.stem == "test_channel.py":
            path = tests / f"test_{name}.py"
        text = template.read_text(encoding="utf-8").replace("@name@", name).replace("@Name@", name.capitalize())
        yield _write(path, text)


def _recorded(name: str, folder: Path) -> Iterator[Path]:
    for title, (about, content) in DELIVERIES.items():
        recorded = {
            "about": about,
            "account": {"name": "desk", "settings": {"channel": name, "secret": _SECRET}},
            "delivery": {"intake": "webhook", "received_at": "2026-11-26T10:00:00Z", "headers": {}, "json": content},
            "proof": "header:x-signature",
            **({"same_as": "text.json"} if title == "retry" else {}),
            **({"differs_from": "text.json"} if title == "other-chat" else {}),
        }
        yield _write(folder / f"{title}.json", json.dumps(recorded, indent=2) + "\n")


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _run(*arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603 - our own scripts, and a name of letters and digits
        [sys.executable, *arguments], cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise UserError(f"{' '.join(arguments)} failed: {done.stderr.strip().splitlines()[-1]}")
