"""docs/specs/connector.md, "A folder": what stands in each, and what the rest of the tree knows of it."""

import ast
import re
from pathlib import Path

import pytest
from house_tree import ROOT, files, shown
from pydantic import SecretStr
from recorded import recordings

from daemon.channels import channels
from daemon.channels_page import PAGE, page
from daemon.quality import qualities

SPEC = ROOT / "docs" / "specs" / "connector.md"
NAMES = list(channels())
LEAST = 12
"""Recorded deliveries a channel: every kind of content, receipts, hostile ones."""
SECRET = re.compile(r"(^|_)(secret|token|password|key)($|_)")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_says_what_it_is_and_is_one_account_model_and_a_quality(name: str) -> None:
    """C1."""
    channel = channels()[name]
    assert (channel.folder / "channel.py").is_file()
    assert (channel.folder / "quality.toml").is_file()
    assert channel.title.endswith(".")
    field = channel.settings.model_fields["channel"]
    assert name in str(field.annotation)
    assert "scope" in channel.settings.model_fields
    assert hasattr(channel.settings, "patience")
    assert channel.settings.model_config.get("extra") == "forbid"
    assert channel.settings.model_config.get("frozen") is True


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_imports_no_other_channel_and_no_other_room(name: str) -> None:
    """C2: rooms are held apart by `make check`."""
    others = {other for other in NAMES if other != name}
    for path in channels()[name].folder.rglob("*.py"):
        for module in _imports(path):
            parts = module.split(".")
            assert parts[0] not in {"daemon", "router", "ticket_store", "bus", "lifecycle", "console"}, path
            assert parts[0] != "connectors" or len(parts) == 1 or parts[1] not in others, path


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_setting_is_typed_as_one(name: str) -> None:
    """C4: so that it is never printed."""
    for key, field in channels()[name].settings.model_fields.items():
        if SECRET.search(key) and "int" not in str(field.annotation) and "float" not in str(field.annotation):
            assert SecretStr.__name__ in str(field.annotation), key


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_has_recorded_deliveries(name: str) -> None:
    """C5."""
    assert len(recordings(name)) >= LEAST


def test_the_page_of_channels_is_that_of_their_folders() -> None:
    assert set(qualities()) == set(NAMES)
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m daemon.channels_page"


def test_every_must_of_the_specification_is_cited_by_a_test() -> None:
    text = SPEC.read_text(encoding="utf-8")
    musts = {
        number
        for number, said in re.findall(r"^- \*\*(C\d+)\*\* (.*?)(?=^- \*\*C|^#|\Z)", text, re.MULTILINE | re.DOTALL)
        if "MUST" in said
    }
    tests = [path for path in files() if shown(path).startswith("tests/") and path.suffix == ".py"]
    cited = set(re.findall(r"\bC\d+\b", "\n".join(path.read_text(encoding="utf-8") for path in tests)))
    assert musts
    assert musts - cited == set()


def _imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found
