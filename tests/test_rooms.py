"""The rooms on disk are the rooms that are shipped, linted, typed and documented, and nobody else owns their names."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

from house_tree import ROOT, files, pyproject, rooms_on_disk, shown

PROJECT = pyproject()
LAYERS = next(one for one in PROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
BESIDE_THE_ROOMS = {"bench", "e2e", "faults", "scenarios", "support"}


def test_the_rooms_on_disk_are_the_rooms_that_are_shipped() -> None:
    shipped = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(shipped) == sorted(rooms_on_disk())


def test_the_rooms_on_disk_are_the_rooms_that_are_linted() -> None:
    linted = PROJECT["tool"]["importlinter"]["root_packages"]
    assert sorted(linted) == sorted(rooms_on_disk())


def test_the_rooms_on_disk_are_the_rooms_that_are_typed() -> None:
    assert sorted(PROJECT["tool"]["mypy"]["packages"]) == sorted(rooms_on_disk())


def test_every_room_has_its_place_in_the_layers_once() -> None:
    placed = [room.strip() for layer in LAYERS["layers"] for room in layer.split("|")]
    assert sorted(placed) == sorted(rooms_on_disk())


def test_only_the_daemon_stands_over_the_rooms_and_only_schemas_under_them() -> None:
    assert (LAYERS["layers"][0], LAYERS["layers"][-1]) == ("daemon", "schemas")


def test_doubles_share_no_code_with_what_they_stand_before() -> None:
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "doubles").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imported(node)
    }
    assert imported & rooms_on_disk() == {"doubles"}


def test_the_rooms_on_disk_are_the_rooms_that_are_documented() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## Rooms and who may know whom")[2].partition("\n## ")[0]
    named = re.findall(r"^\| ([a-z_]+)(?:/[a-z_]+)? \|", table, flags=re.MULTILINE)
    assert set(named) - {"room"} == rooms_on_disk()


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [one.name for one in node.names] if isinstance(node, ast.Import) else []


def test_no_dependency_owns_the_name_of_a_room() -> None:
    owners = packages_distributions()
    assert {room: set(owners.get(room, ())) - {"switchboard"} for room in rooms_on_disk()} == {
        room: set() for room in rooms_on_disk()
    }


def test_no_room_shadows_the_standard_library() -> None:
    assert not rooms_on_disk() & sys.stdlib_module_names


def test_neither_the_root_nor_the_tests_nor_the_bench_are_packages() -> None:
    """`tests/schemas/__init__.py` would shadow the room."""
    packages = [shown(path) for path in files() if path.name == "__init__.py"]
    assert [where for where in packages if where.partition("/")[0] not in rooms_on_disk()] == []


def test_the_folders_of_the_tests_mirror_the_rooms() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= rooms_on_disk() | BESIDE_THE_ROOMS


def test_test_helpers_have_names_of_their_own() -> None:
    """`tests/support` is on the path: a helper named like a room, a library or the standard library would hide it."""
    helpers = {path.stem for path in (ROOT / "tests" / "support").glob("*.py")}
    taken = rooms_on_disk() | packages_distributions().keys() | sys.stdlib_module_names
    assert helpers & taken == set()
