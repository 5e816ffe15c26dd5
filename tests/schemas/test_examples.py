"""The examples are what the schemas promise: valid twice over, complete, and CloudEvents where they are events."""

import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from wire_examples import CHANNELS, event_examples, message_examples

from schemas.base import Wire
from schemas.events import EventType, TicketEvent
from schemas.export import CONTRACTS
from schemas.message import FileState, InboundMessage, Kind

INBOUND, EVENT = (
    jsonschema.Draft202012Validator(contract.document(), format_checker=jsonschema.FormatChecker())
    for contract in CONTRACTS
)
MESSAGES = message_examples()
EVENTS = event_examples()
Path_ = tuple[str | int, ...]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_example_is_valid_by_model_and_by_json_schema(name: str) -> None:
    assert_valid(MESSAGES[name], InboundMessage, INBOUND)


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_example_is_valid_by_model_and_by_json_schema(name: str) -> None:
    assert_valid(EVENTS[name], TicketEvent, EVENT)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_was_read_and_written_is_valid_by_json_schema(name: str) -> None:
    INBOUND.validate(json.loads(InboundMessage.model_validate(MESSAGES[name]).model_dump_json()))


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_that_was_read_and_written_is_valid_by_json_schema(name: str) -> None:
    EVENT.validate(json.loads(TicketEvent.model_validate(EVENTS[name]).text()))


def test_there_is_one_message_example_per_channel() -> None:
    assert {MESSAGES[channel]["channel"] for channel in CHANNELS} == set(CHANNELS)
    assert {example["channel"] for example in MESSAGES.values()} == set(CHANNELS)


def test_the_message_examples_show_every_kind_and_every_file_state() -> None:
    assert {example["kind"] for example in MESSAGES.values()} == set(Kind)
    files = [file for example in MESSAGES.values() for file in example.get("files", ())]
    assert {file["state"] for file in files} == set(FileState)


def test_there_is_one_event_example_per_type() -> None:
    assert {name: example["type"] for name, example in EVENTS.items()} == {value: value for value in EventType}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_example_has_the_required_attributes_of_cloudevents(name: str) -> None:
    """CloudEvents 1.0.2, "Required Attributes" and "Naming Conventions"."""
    event = EVENTS[name]
    assert all(event[attribute] for attribute in ("id", "source", "specversion", "type"))
    assert event["specversion"] == "1.0"
    assert urlsplit(event["source"]).path.startswith("/switchboard/")
    assert all(attribute.isascii() and attribute.isalnum() and attribute.islower() for attribute in event)


@pytest.mark.parametrize("attribute", ["id", "source", "specversion", "type"])
def test_an_event_without_a_required_attribute_is_refused_by_json_schema(attribute: str) -> None:
    event = {key: value for key, value in EVENTS["ticket.created"].items() if key != attribute}
    assert not EVENT.is_valid(event)


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_example_is_about_the_ticket_that_it_carries(name: str) -> None:
    assert EVENTS[name]["subject"] == EVENTS[name]["data"]["ticket"]["number"]


def test_the_events_of_one_ticket_are_numbered_without_a_gap() -> None:
    assert sorted(event["data"]["sequence"] for event in EVENTS.values()) == list(range(1, len(EVENTS) + 1))


def leaves(node: Any, path: Path_ = ()) -> Iterator[Path_]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from leaves(value, (*path, key))


PLACES = [
    (name, path) for name, example in MESSAGES.items() for path in leaves(example) if not str(path[-1]).endswith("_at")
]
ODD_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5),
    st.sampled_from(["x" * 1100, [], {}, [{}], [None], {"digest": ""}]),
)  # fmt: skip


@given(place=st.sampled_from(PLACES), value=ODD_VALUES)
def test_whatever_the_json_schema_accepts_the_model_reads(place: tuple[str, Path_], value: Any) -> None:
    name, path = place
    changed = replaced(MESSAGES[name], path, value)
    if INBOUND.is_valid(changed):
        InboundMessage.model_validate_json(json.dumps(changed))


def test_the_property_above_meets_refused_values_too() -> None:
    changed = replaced(MESSAGES["mail"], ("raw", "sha256"), "no digest")
    assert not INBOUND.is_valid(changed)
    with pytest.raises(ValidationError):
        InboundMessage.model_validate_json(json.dumps(changed))


def assert_valid(example: dict[str, Any], model: type[Wire], validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(example)
    read = model.model_validate_json(json.dumps(example)).model_dump(mode="json", exclude_unset=True)
    assert set(leaves(read)) == set(leaves(example)), "a key of the example is unknown to the model"


def replaced(document: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    node: Any = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed
