"""Recorded events are such as VK makes, by its official schema, where that lies beside this checkout."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

HERE = Path(__file__)
SCHEMA = HERE.parents[3] / "../shared/platform-schemas/vk"
RECORDED = sorted(path for path in (HERE.parent / "recorded").glob("*.json"))
OBJECTS = {
    "message_new": "messages/objects.json#/definitions/messages_message",
    "message_reply": "messages/objects.json#/definitions/messages_message",
    "message_edit": "messages/objects.json#/definitions/messages_message",
    "message_allow": "callback/objects.json#/definitions/callback_message_allow",
    "message_deny": "callback/objects.json#/definitions/callback_message_deny",
    "message_read": "callback/objects.json#/definitions/callback_message_read",
    "user_block": "callback/objects.json#/definitions/callback_user_block",
}
ODD = ("kind-that-nobody-knows", "message-that-is-a-list", "message-without-a-conversation")
"""Recordings that are no events of VK on purpose."""

pytestmark = pytest.mark.skipif(not SCHEMA.is_dir(), reason="the official schema is not beside this checkout")


def test_every_recorded_event_is_valid_by_the_official_schema() -> None:
    registry: Any = Registry(retrieve=_retrieve)  # type: ignore[call-arg]  # attrs classes hide their arguments
    checked = 0
    for path in RECORDED:
        event = json.loads(path.read_text(encoding="utf-8"))["delivery"]["json"]
        where = OBJECTS.get(event["type"])
        if where is None or path.stem in ODD:
            continue
        content = event["object"].get("message", event["object"])
        validator = jsonschema.Draft4Validator({"$ref": f"{SCHEMA.resolve().as_uri()}/{where}"}, registry=registry)
        wrong = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in validator.iter_errors(content)]
        assert not wrong, path.stem
        checked += 1
    assert checked > 20


def _retrieve(uri: str) -> Any:
    content = json.loads(Path(urlsplit(uri).path).read_text(encoding="utf-8"))
    return Resource.from_contents(_standard(content), default_specification=DRAFT4)


def _standard(node: Any) -> Any:
    """VK writes `required: true` beside each property, where the standard has a list of names in the object."""
    if isinstance(node, list):
        return [_standard(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {name: _standard(value) for name, value in node.items() if not (name == "required" and value is True)}
    properties = node.get("properties")
    if isinstance(properties, dict):
        needed = [name for name, one in properties.items() if isinstance(one, dict) and one.get("required") is True]
        made |= {"required": needed} if needed else {}
    return made
