"""The samples on the page about sending by API are what the channel takes, and what it gives."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from house_tree import ROOT

from connectors.api.letters import split
from connectors.api.normalize import normalize
from connectors.base import Account, Delivery
from connectors.sending import ChatFile, ChatLetter
from schemas.message import FileState

PAGE = ROOT / "docs" / "how-to" / "send-by-api.md"
FILE = ChatFile(name="waybill.pdf", content_type="application/pdf", size=11, sha256="0" * 64)


def shape(value: object) -> object:
    """Give the keys and types of some JSON."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def samples() -> tuple[dict[str, Any], dict[str, Any]]:
    request, answer = re.findall(r"^```json\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return json.loads(request), json.loads(answer)


def test_the_sample_request_is_taken_with_everything_in_it() -> None:
    sample, _ = samples()
    erp = Account(name="erp", channel="api", scope="erp")
    raw = json.dumps(sample).encode()
    message = normalize(
        Delivery(account=erp, raw=raw, received_at=datetime(2026, 11, 26, tzinfo=UTC), intake="webhook")
    ).message
    assert (message.sender.address, message.sender.name) == (sample["sender"]["id"], sample["sender"]["name"])
    assert (message.subject, message.text.content) == (sample["subject"], sample["text"])
    assert message.sent_at == datetime.fromisoformat(sample["sent_at"])
    assert [(file.name, file.content_type, file.state) for file in message.files] == [
        (file["name"], file["content_type"], FileState.STORED) for file in sample["files"]
    ]
    assert message.thread.own is not None
    assert message.thread.own.shown.endswith(f"{sample['conversation']}:{sample['id']}")
    assert [one.shown.rpartition(":")[2] for one in message.thread.in_reply_to] == [sample["in_reply_to"]]
    assert message.details["facts"] == {key: str(fact) for key, fact in sample["facts"].items()}


def test_the_sample_answer_has_the_keys_and_types_of_those_that_are_posted() -> None:
    request, sample = samples()
    letter = ChatLetter(number=sample["message"], to=request["conversation"], text=sample["text"], files=[FILE])
    text, file = (dict(part.payload) for part in split(letter))
    assert shape(text) == shape(sample)
    assert text == sample
    assert list(text) == list(sample), "in the same order"
    named = ", ".join(f'"{key}"' for key in [*file["file"], "url"])
    assert f"{{{named}}}" in " ".join(PAGE.read_text(encoding="utf-8").split())
