"""docs/how-to/add-a-channel.md, typed in a copy of the checkout block by block, exactly as it stands there."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from house_tree import ROOT
from running_daemon import RunningDaemon, remove

from doubles.ports import free_port

PAGE = ROOT / "docs" / "how-to" / "add-a-channel.md"
TYPES = ROOT / ".mypy_cache"
LEFT_OUT = shutil.ignore_patterns(".*", "var", "dist", "__pycache__", "node_modules")
RUN, CHECK = ".venv/bin/switchboard run", "make check"
PARTS_OF_CHECK = (
    ".venv/bin/ruff check connectors/fax tests/connectors/fax",
    ".venv/bin/ruff format --check connectors/fax tests/connectors/fax",
    ".venv/bin/mypy connectors/fax",
    ".venv/bin/lint-imports --no-cache",
    ".venv/bin/pytest -q tests/test_house_rules.py tests/test_rooms.py tests/daemon/test_settings_page.py",
)
"""What the last command of the page does, with the types of the new folder alone: those of the tree take minutes."""


def blocks() -> Iterator[tuple[str, str]]:
    """Give the page's code in its order: the language, and what stands in it."""
    yield from re.findall(r"^```(sh|ini)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


class Newcomer:
    """Somebody with a clone of the project, who copies what a page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT, dirs_exist_ok=True)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        if TYPES.exists():  # as it is where somebody has checked types before
            shutil.copytree(TYPES, folder / TYPES.name, ignore=shutil.ignore_patterns("*.tmp"))
        # the environment's own checkout is not this one: what stands here comes first
        settings = {"SWITCHBOARD_INTAKE__PORT": str(free_port()), "PYTHONPATH": str(folder)}
        self.daemon = RunningDaemon(folder=folder, settings=settings, other_code=True)
        self.environment = {
            name: value for name, value in self.daemon.environment.items() if not name.startswith("PYTEST_")
        } | {"PYTEST_ADDOPTS": "--hypothesis-profile=quick"}
        self.type("git init -q . && git add -A && git -c user.name=n -c user.email=n@example.org commit -qm clone")

    def type(self, command: str, *, code: int = 0) -> str:
        """Type a command; give what it said."""
        if command == RUN:
            self.daemon.start()
            return ""
        if command == CHECK:
            return "".join(map(self.type, PARTS_OF_CHECK))
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout + done.stderr


@pytest.fixture
def newcomer() -> Iterator[Newcomer]:
    folder = Path(mkdtemp(prefix="switchboard-test-", dir="/tmp"))
    folder.chmod(0o755)  # the user that runs the embedded server passes through
    found = Newcomer(folder)
    try:
        yield found
    finally:
        remove(found.daemon)


def test_the_page_holds_the_commands_that_are_looked_for_here() -> None:
    commands = [line for language, text in blocks() if language == "sh" for line in text.splitlines()]
    assert RUN in commands
    assert CHECK in commands
    assert sum(language == "ini" for language, _ in blocks()) == 1


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_who_copies_the_commands_of_the_page_has_a_new_channel_and_a_ticket(newcomer: Newcomer) -> None:
    said: dict[str, str] = {}
    for language, text in blocks():
        if language == "ini":
            (newcomer.folder / "switchboard.toml").write_text(text, encoding="utf-8")
            continue
        for command in text.splitlines():
            said[command] = newcomer.type(command)
            if "send-fixture" in command:
                newcomer.daemon.settle(1)
    assert "connectors/fax/channel.py" in said[".venv/bin/switchboard new-channel fax"]
    assert "my-fax" in said[".venv/bin/switchboard channels"]
    assert re.search(r"\bopen\b.*\bfax\b", said[".venv/bin/switchboard tickets list"])
    assert "there is a channel fax already" in newcomer.type(".venv/bin/switchboard new-channel fax", code=3)
