"""What strangers try on the signed intake: forged, altered, old and future signatures, and the same request again."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from intake_door import KEY, api, message

from connectors.api.signature import ID, SIGNATURE, TIMESTAMP, signed_headers
from connectors.base import Delivery, RefusedError

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
BODY = message(1)


def delivery(raw: bytes = BODY, *, headers: Mapping[str, str] | None = None, at: datetime = NOW) -> Delivery:
    given = headers if headers is not None else signed_headers(raw, keys=[KEY], request="r1", at=at)
    account = api("erp").account
    return Delivery(account=account, raw=raw, received_at=NOW, intake="webhook", headers=given)


def test_a_signature_is_taken_until_five_minutes_later_and_no_longer() -> None:
    api("erp").authenticate(delivery(at=NOW - timedelta(minutes=4)))
    for at in (NOW - timedelta(minutes=6), NOW + timedelta(minutes=6)):
        with pytest.raises(RefusedError):
            api("erp").authenticate(delivery(at=at))


ALTERED: list[dict[str, Any]] = [
    {ID: "r2"},
    {TIMESTAMP: str(int(NOW.timestamp()) + 1)},
    {SIGNATURE: "v1,"},
    {SIGNATURE: "v1," + "A" * 44},
    {SIGNATURE: "v0,x v1,y"},
    {SIGNATURE: ""},
    {TIMESTAMP: "+1"},
    {TIMESTAMP: "٣"},
]


@pytest.mark.parametrize("altered", ALTERED, ids=range(len(ALTERED)))
def test_a_header_that_is_not_the_signed_one_proves_nothing(altered: dict[str, str]) -> None:
    headers = signed_headers(BODY, keys=[KEY], request="r1", at=NOW) | altered
    with pytest.raises(RefusedError):
        api("erp").authenticate(delivery(headers=headers))


def test_a_request_that_is_replayed_is_the_same_delivery() -> None:
    first, again = (
        api("erp").normalize(delivery(at=NOW - timedelta(seconds=seconds))).message.delivery_key for seconds in (0, 60)
    )
    assert first == again


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\boot.ini", 'a"\r\nset-cookie: b', "\u2028x"])
def test_a_name_that_somebody_sends_holds_no_line_end(name: str) -> None:
    raw = json.dumps({"id": "m1", "sender": {"id": "s", "name": name}, "subject": name, "text": "x"}).encode()
    found = api("erp").normalize(delivery(raw)).message
    assert not set("\r\n\u2028\0") & set(found.sender.name + found.subject)
