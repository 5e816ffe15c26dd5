"""Recorded updates give what their files promise; altered ones give a message or a reason, and never anything else."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram_schema import mistakes, types

from connectors.base import Account, Delivery, InvalidDeliveryError, RefusedError
from connectors.telegram.channel import SECRET_HEADER, TelegramConnector, connect
from connectors.telegram.settings import TelegramSettings
from schemas.message import InboundMessage

FILES = sorted((Path(__file__).parent / "recorded").glob("*.json"))
RECORDED = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}
OBJECTS = {name: content for name, content in RECORDED.items() if "json" in content["delivery"]}
ODD: tuple[Any, ...] = (None, True, -1, 0, 2**70, 1e308, "", "\x00", "\ud800x", [], {}, [[]], {"id": {}}, "a" * 5000)


def connector(content: dict[str, Any]) -> TelegramConnector:
    name = content["account"]["name"]
    made = connect(
        account=Account(name=name, channel="telegram", scope=name),
        settings=TelegramSettings.model_validate(content["account"]["settings"]),
    )
    assert isinstance(made, TelegramConnector)
    return made


def delivery(content: dict[str, Any], body: object = None) -> Delivery:
    found = content["delivery"]
    written = found["text"] if "text" in found else json.dumps(body or found["json"], separators=(",", ":"))
    return Delivery(
        account=connector(content).account,
        raw=written.encode(),
        received_at=datetime.fromisoformat(found["received_at"]),
        intake=found["intake"],
        headers=found.get("headers", {}),
    )


def outcome(content: dict[str, Any], found: Delivery) -> InboundMessage:
    try:
        return connector(content).normalize(found).message
    except InvalidDeliveryError as error:
        return connector(content).undecodable(found, error.reason)


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))  # type: ignore[index]  # a key of its own


@pytest.mark.parametrize("name", RECORDED)
def test_an_update_gives_what_its_file_promises_and_twice_the_same(name: str) -> None:
    content = RECORDED[name]
    found = delivery(content)
    connector(content).authenticate(found)
    message = outcome(content, found)
    told = message.model_dump(mode="json", exclude_defaults=True)
    assert {key: value for key, value in told.items() if key not in {"version", "raw"}} == content["expected"]
    assert message == outcome(content, found)
    assert InboundMessage.model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("name", [name for name, content in RECORDED.items() if content["proof"] != "none"])
def test_a_webhook_without_our_secret_or_with_another_is_refused(name: str) -> None:
    content = RECORDED[name]
    found, bot = delivery(content), connector(content)
    secret = found.headers[SECRET_HEADER]
    for headers in ({}, {SECRET_HEADER: ""}, {SECRET_HEADER: secret[:-1]}, {SECRET_HEADER: secret + "ü"}):
        with pytest.raises(RefusedError):
            bot.authenticate(replace(found, headers=headers))
    bot.authenticate(bot.sign(replace(found, headers={})))


def test_what_names_a_twin_has_its_key_or_another() -> None:
    for name, content in RECORDED.items():
        key = content["expected"]["delivery_key"]
        for relation in ("same_as", "differs_from"):
            if relation in content:
                other = RECORDED[content[relation].removesuffix(".json")]["expected"]["delivery_key"]
                assert (key == other) is (relation == "same_as"), name


@given(data=st.data())
def test_any_value_replaced_or_removed_gives_a_message_or_a_reason(data: st.DataObject) -> None:
    content = OBJECTS[data.draw(st.sampled_from(sorted(OBJECTS)))]
    body = copy.deepcopy(content["delivery"]["json"])
    for _ in range(data.draw(st.integers(1, 3))):
        found = list(places(body))
        if not found:
            break
        *path, last = data.draw(st.sampled_from(found))
        inside = body
        for key in path:
            inside = inside[key]
        if data.draw(st.booleans()):
            del inside[last]
        else:
            inside[last] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
    message = outcome(content, delivery(content, body or {"a": 1}))
    assert InboundMessage.model_validate_json(message.model_dump_json()) == message


@given(raw=st.binary(max_size=200) | st.just(b'{"a":' * 5000) | st.just(b'{"update_id":' + b"9" * 9000 + b"}"))
def test_any_bytes_give_a_message_or_a_reason(raw: bytes) -> None:
    content = RECORDED["text"]
    found = replace(delivery(content), raw=raw)
    assert outcome(content, found).delivery_key == outcome(content, found).delivery_key


@pytest.mark.skipif(types() is None, reason="the official description of the Bot API is not here")
@pytest.mark.parametrize("name", [name for name in OBJECTS if not name.startswith("hostile-")])
def test_a_recorded_update_is_what_the_bot_api_describes(name: str) -> None:
    assert list(mistakes(OBJECTS[name]["delivery"]["json"], "Update")) == []


def test_a_proof_stands_in_the_details_and_nowhere_else() -> None:
    for name in ("start-with-a-proof", "one-time-code"):
        message = outcome(RECORDED[name], delivery(RECORDED[name]))
        proof = message.details.pop("proof")
        assert len(proof) > 10
        assert proof not in message.model_dump_json()
