"""The exported JSON Schemas are current, deterministic and valid themselves."""

from pathlib import Path

import jsonschema
import pytest

from schemas.export import CONTRACTS, FOLDER, Contract, export


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_the_file_on_disk_is_the_schema_of_the_model(contract: Contract) -> None:
    on_disk = (FOLDER / f"{contract.name}.json").read_text(encoding="utf-8")
    assert on_disk == contract.text(), "run `.venv/bin/python -m schemas.export` and commit the files"


def test_the_folder_holds_the_exported_schemas_and_nothing_else(tmp_path: Path) -> None:
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in export(tmp_path)}


def test_exporting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = ([path.read_bytes() for path in export(tmp_path / name)] for name in ("first", "second"))
    assert first == second


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_an_exported_schema_is_valid_json_schema(contract: Contract) -> None:
    jsonschema.Draft202012Validator.check_schema(contract.document())


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_an_exported_schema_names_no_property_twice_as_required(contract: Contract) -> None:
    document = contract.document()
    assert len(document["required"]) == len(set(document["required"]))
    assert set(document["required"]) <= document["properties"].keys()
