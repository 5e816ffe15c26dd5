"""The documentation points at things that exist, and its examples are true."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from house_tree import ROOT, files, shown

from daemon.settings_load import load
from daemon.settings_problems import Problem, SettingsError

PAGES = [path for path in files() if path.suffix == ".md"]
LINK = re.compile(r"\[[^\]]+\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> Iterator[str]:
    for found, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if found == language:
            yield body


def without_blocks(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_of_a_page_leads_to_something(page: Path) -> None:
    dead = [link for link in LINK.findall(without_blocks(page)) if not (page.parent / link).exists()]
    assert dead == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page.suffix == ".md" and page.is_file() and page not in reached:
            reached.add(page)
            waiting += [(page.parent / link).resolve() for link in LINK.findall(without_blocks(page))]
    orphans = {shown(page) for page in set(PAGES) - reached if page.parent.name != "changes"}
    assert orphans <= {"CHANGELOG.md"}


def test_every_make_target_that_a_page_names_exists() -> None:
    listing = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    targets = set(re.findall(r"make ([a-z-]+)", listing))
    texts = (page.read_text(encoding="utf-8") for page in PAGES)
    named = {target for text in texts for target in re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.MULTILINE)}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_toml_example_of_a_page_is_good_settings(page: Path, tmp_path: Path) -> None:
    """Files that an example names, such as certificates, need not exist here."""
    for body in blocks(page, "toml"):
        file = tmp_path / "switchboard.toml"
        file.write_text(body, encoding="utf-8")
        assert [problem.plain() for problem in mistakes(file) if "there is no file" not in problem.reason] == []


def mistakes(file: Path) -> Sequence[Problem]:
    try:
        load(file, {}, file.parent)
    except SettingsError as error:
        return [problem for problem in error.problems if problem.level == "error"]
    return ()


def test_every_decision_is_in_the_index_and_says_what_was_decided_why_and_what_it_costs() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for record in folder.glob("[0-9]*.md"):
        text = record.read_text(encoding="utf-8")
        assert f"({record.name})" in index
        parts = re.findall(r"^## (\w+)", text, flags=re.MULTILINE)
        assert parts[0] == "Decided", record.name
        assert {"Why", "Proved", "Measured", "Tried"} & set(parts), record.name
        assert "Costs" in parts, record.name


def test_the_glossary_is_sorted_and_says_each_word_once() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", text, flags=re.MULTILINE)
    assert words == sorted(set(words))


def test_every_fragment_of_a_change_says_its_kind() -> None:
    kinds = {"added", "changed", "fixed", "removed", "security"}
    fragments = [path for path in (ROOT / "docs" / "changes").iterdir() if path.name != "README.md"]
    assert [path.name for path in fragments if path.suffixes[-2:-1] not in [[f".{kind}"] for kind in kinds]] == []


NAMED_TEST = re.compile(r"`([a-z0-9_/]+\.py)::(test_\w+)`")


def test_every_test_that_the_page_of_security_names_is_there() -> None:
    named = NAMED_TEST.findall((ROOT / "docs/security.md").read_text(encoding="utf-8"))
    assert len(named) > 40
    assert [f"{file}::{test}" for file, test in named if not has_test(ROOT / "tests" / file, test)] == []


def test_every_test_that_the_page_of_guarantees_names_is_there() -> None:
    named = NAMED_TEST.findall((ROOT / "docs/guarantees.md").read_text(encoding="utf-8"))
    assert len(named) > 40
    assert [f"{file}::{test}" for file, test in named if not has_test(ROOT / "tests" / file, test)] == []


def test_the_page_of_security_speaks_of_every_channel() -> None:
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    assert [
        path.parent.name for path in ROOT.glob("connectors/*/channel.py") if f"`{path.parent.name}`" not in text
    ] == []


def has_test(file: Path, test: str) -> bool:
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return re.search(rf"^ *(?:async )?def {test}\(", text, re.MULTILINE) is not None
