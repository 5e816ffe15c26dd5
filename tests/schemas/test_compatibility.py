"""Refuses changes of the wire schemas that would break old records or old readers.

`released/` holds the schemas that others were promised. THIS GUARDS A DRAFT: until the messengers (Telegram, Viber, VK)
exist, version 1 is not final, and an intended incompatible change may replace the baseline, in a commit of its own that
says so (`cp schemas/json/*.json tests/schemas/released/`). After that an incompatible change needs a new major.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from schema_compat import OLD_READERS, OLD_RECORDS, breaks

from schemas.export import CONTRACTS, Contract

RELEASED = Path(__file__).parent / "released"
ADVICE = (
    "Version 1 is a draft until the messengers exist: when the change is meant, run "
    "`cp schemas/json/*.json tests/schemas/released/` and commit the new baseline alone, with the reason."
)
OPEN = ("additionalProperties", True)
"""What an absent keyword means as well."""
Mutation = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_the_schema_breaks_neither_old_records_nor_old_readers(contract: Contract) -> None:
    found = breaks(baseline(contract.name), contract.document())
    assert not found, "\n".join([*map(str, found), ADVICE])


def test_every_contract_has_a_released_baseline_and_no_baseline_is_orphaned() -> None:
    assert {path.stem for path in RELEASED.glob("*.json")} == {contract.name for contract in CONTRACTS}


REFUSED: list[tuple[str, str, Mutation]] = [
    ("a removed property", OLD_READERS, lambda s: s["properties"].pop("subject")),
    ("a removed nested property", OLD_READERS, lambda s: s["$defs"]["File"]["properties"].pop("reason")),
    ("a new required property", OLD_RECORDS, lambda s: require_new(s, "priority")),
    ("a property that becomes required", OLD_RECORDS, lambda s: s["required"].append("subject")),
    ("a property that is no longer required", OLD_READERS, lambda s: s["required"].remove("sender")),
    ("another type", OLD_RECORDS, lambda s: s["properties"]["muted"].update(type="string")),
    ("a branch taken away", OLD_RECORDS, lambda s: s["properties"]["sent_at"]["anyOf"].pop()),
    ("a branch added", OLD_READERS, lambda s: s["properties"]["sent_at"]["anyOf"].append({"type": "integer"})),
    ("a choice taken away", OLD_RECORDS, lambda s: s["$defs"]["Kind"]["enum"].remove("edit")),
    ("a choice added", OLD_READERS, lambda s: s["$defs"]["Kind"]["enum"].append("reaction")),
    ("a free text that becomes a choice", OLD_RECORDS, lambda s: s["properties"]["album"].update(enum=["one"])),
    ("a choice that becomes free", OLD_READERS, lambda s: s["$defs"]["Kind"].pop("enum")),
    ("a lower maximum length", OLD_RECORDS, lambda s: s["properties"]["subject"].update(maxLength=100)),
    ("a higher maximum length", OLD_READERS, lambda s: s["properties"]["subject"].update(maxLength=2000)),
    ("a maximum where none was", OLD_RECORDS, lambda s: s["$defs"]["BlobRef"]["properties"]["size"].update(maximum=9)),
    ("no maximum where one was", OLD_READERS, lambda s: s["properties"]["to"].pop("maxItems")),
    ("a higher minimum", OLD_RECORDS, lambda s: s["properties"]["normalizer_version"].update(minimum=2)),
    ("a lower minimum", OLD_READERS, lambda s: s["properties"]["normalizer_version"].update(minimum=0)),
    ("fewer items", OLD_RECORDS, lambda s: s["properties"]["files"].update(maxItems=10)),
    ("another pattern", OLD_RECORDS, lambda s: s["properties"]["channel"].update(pattern="^[a-z]+$")),
    ("a pattern taken away", OLD_RECORDS, lambda s: s["properties"]["delivery_key"].pop("pattern")),
    ("another format", OLD_RECORDS, lambda s: s["properties"]["received_at"].update(format="date")),
    ("another default", OLD_RECORDS, lambda s: s["properties"]["muted"].update(default=True)),
    ("a default under a reference", OLD_RECORDS, lambda s: s["properties"]["automatic"].update(default="bulk")),
    ("other items", OLD_RECORDS, lambda s: s["properties"]["to"].update(items={"type": "string"})),
    ("an object closed to others", OLD_RECORDS, lambda s: s.update(additionalProperties=False)),
    ("details closed", OLD_RECORDS, lambda s: s["properties"]["details"].update(additionalProperties=False)),
    ("a keyword nobody checks", OLD_RECORDS, lambda s: s["properties"]["text"].update(propertyNames={"maxLength": 3})),
    ("another name of the schema", OLD_RECORDS, lambda s: s.update({"$id": "urn:switchboard:other:1"})),
]


@pytest.mark.parametrize(("who", "mutate"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_an_incompatible_change_is_refused(who: str, mutate: Mutation) -> None:
    assert who in {found.who for found in breaks(INBOUND, mutated(mutate))}


ACCEPTED: list[tuple[str, Mutation]] = [
    ("a new optional property", lambda s: s["properties"].update(language={"type": "string", "default": ""})),
    ("a new definition", lambda s: s["$defs"].update(Language={"type": "string"})),
    ("other words", lambda s: s["properties"]["album"].update(title="Group", description="other words")),
    ("another order", lambda s: s.update(properties=dict(reversed(s["properties"].items())))),
]


@pytest.mark.parametrize("mutate", [case[1] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED])
def test_a_compatible_change_is_accepted(mutate: Mutation) -> None:
    assert breaks(INBOUND, mutated(mutate)) == []


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_no_keyword_of_a_released_schema_can_be_taken_away_unnoticed(contract: Contract) -> None:
    released = baseline(contract.name)
    unnoticed = [path for path in keyword_paths(released) if not breaks(released, without(released, path))]
    assert unnoticed == []


def test_a_break_says_where_what_and_who() -> None:
    (found,) = breaks(INBOUND, mutated(lambda s: s["$defs"]["File"]["properties"]["name"].update(maxLength=10)))
    assert str(found) == ".files[].name: maxLength 255 became 10 (old records are refused)"


def baseline(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RELEASED / f"{name}.json").read_text(encoding="utf-8"))
    return document


INBOUND = baseline("inbound-message-1")


def mutated(mutate: Mutation) -> dict[str, Any]:
    changed = copy.deepcopy(INBOUND)
    mutate(changed)
    return changed


def require_new(schema: dict[str, Any], name: str) -> None:
    schema["properties"][name] = {"type": "string"}
    schema["required"].append(name)


def keyword_paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every keyword and property, at any depth; not annotations, whole definitions, or what a default holds."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        here = (*path, key)
        says_nothing = key in ("title", "description", "$schema", "$defs") or (key, value) == OPEN
        if not says_nothing and path != ("$defs",):
            yield here
        if isinstance(value, (dict, list)) and key != "default":
            yield from keyword_paths(value, here)


def without(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    node: Any = changed
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    return changed
