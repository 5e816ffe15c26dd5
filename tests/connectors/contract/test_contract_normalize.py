"""docs/specs/connector.md, "Messages": what a recorded delivery gives, and what a damaged one may give."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded import Recording, outcome, recordings, shown, told
from recorded_changes import changed_bodies

from connectors.base import InvalidDeliveryError, Normalized, Push, Routes
from schemas.message import InboundMessage, Kind, Result

ALL = recordings()
GIVING = [recording for recording in ALL if "handshake" not in recording.content]
SHAKEN = [recording for recording in ALL if "handshake" in recording.content]
TWINS = [one for one in GIVING if {"same_as", "differs_from"} & one.content.keys()]


@pytest.mark.parametrize("recording", GIVING, ids=shown)
def test_a_recorded_delivery_gives_exactly_what_is_promised(recording: Recording) -> None:
    """C11: without `expected`, run: python tests/support/recorded.py CHANNEL."""
    assert told(outcome(recording.connect(), recording.kept)) == recording.content["expected"]


@pytest.mark.parametrize("recording", GIVING, ids=shown)
def test_the_same_delivery_gives_the_same_message_twice(recording: Recording) -> None:
    """C12: by one connector, and by one made anew."""
    connector = recording.connect()
    first = outcome(connector, recording.kept).model_dump_json()
    assert outcome(connector, recording.kept).model_dump_json() == first
    assert outcome(recording.connect(), recording.kept).model_dump_json() == first


@pytest.mark.parametrize("recording", GIVING, ids=shown)
def test_a_message_says_whose_it_is_and_which_bytes_it_was(recording: Recording) -> None:
    """C13."""
    delivery = recording.kept
    message = outcome(recording.connect(), delivery)
    account = delivery.account
    assert (message.channel, message.account, message.scope) == (account.channel, account.name, account.scope)
    assert message.received_at == delivery.received_at
    assert message.raw.sha256 == sha256(delivery.raw).hexdigest()
    assert message.raw.size == len(delivery.raw)
    assert message.envelope.intake == delivery.intake


@pytest.mark.parametrize("recording", GIVING, ids=shown)
def test_a_retry_has_the_same_delivery_key(recording: Recording) -> None:
    """C14: another time, another way, other headers; the platform's delivery is the same one."""
    connector, delivery = recording.connect(), recording.kept
    again = replace(
        delivery, received_at=delivery.received_at + timedelta(hours=1), intake="poll", headers={}, peer="x"
    )
    assert outcome(connector, again).delivery_key == outcome(connector, delivery).delivery_key


@pytest.mark.parametrize("recording", TWINS, ids=shown)
def test_twins_have_one_delivery_key_and_others_do_not(recording: Recording) -> None:
    """C14."""
    key = outcome(recording.connect(), recording.kept).delivery_key
    for name in ("same_as", "differs_from"):
        twin = recording.twin(name)
        if twin is not None:
            assert (outcome(twin.connect(), twin.delivery).delivery_key == key) == (name == "same_as")


@pytest.mark.parametrize("recording", GIVING, ids=shown)
def test_what_cannot_be_read_keeps_its_key_and_says_why(recording: Recording) -> None:
    """C15."""
    connector, delivery = recording.connect(), replace(recording.kept, raw=b"\xff{" + recording.raw)
    message = connector.undecodable(delivery, "a reason")
    later = connector.undecodable(replace(delivery, received_at=delivery.received_at + timedelta(days=1)), "a reason")
    assert (message.kind, message.problem) == (Kind.UNDECODABLE, "a reason")
    assert message.delivery_key == later.delivery_key
    assert message.verdict.result is not Result.PASS


@pytest.mark.parametrize("recording", GIVING, ids=shown)
def test_blobs_that_a_message_names_come_with_it(recording: Recording) -> None:
    """C16: and no other."""
    try:
        connector = recording.connect()
        _check_blobs(connector.normalize(recording.kept), has_routes=isinstance(connector, Routes))
    except InvalidDeliveryError:
        return


@pytest.mark.parametrize("recording", GIVING, ids=shown)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(data=st.data())
def test_a_damaged_delivery_gives_a_message_or_is_invalid(recording: Recording, data: st.DataObject) -> None:
    """C17: and what it gives, stores can keep."""
    connector = recording.connect()
    delivery = replace(recording.kept, raw=data.draw(changed_bodies(recording)))
    try:
        normalized = connector.normalize(delivery)
    except InvalidDeliveryError as error:
        message = connector.undecodable(delivery, error.reason)
    else:
        _check_blobs(normalized, has_routes=isinstance(connector, Routes))
        message = normalized.message
    assert "in the normalizer itself" not in message.problem, message.problem
    _check_storable(message)


@pytest.mark.parametrize("recording", SHAKEN, ids=shown)
def test_what_asks_for_no_store_is_answered(recording: Recording) -> None:
    """C18."""
    connector = recording.connect()
    assert isinstance(connector, Push)
    answer = connector.handshake(recording.delivery)
    assert answer is not None
    assert {"status": answer.status, "body": answer.body.decode()} == recording.content["handshake"]


@pytest.mark.parametrize("recording", GIVING, ids=shown)
def test_what_has_to_be_stored_is_not_answered_before(recording: Recording) -> None:
    """C18: and yes is no error."""
    connector = recording.connect()
    if isinstance(connector, Push):
        assert connector.handshake(recording.delivery) is None
        assert connector.yes.status in range(200, 300)


def _check_blobs(normalized: Normalized, *, has_routes: bool) -> None:
    """A channel with routes of its own stores files before the messages with them."""
    message = normalized.message
    named = {file.blob.sha256 for file in message.files if file.blob is not None and not has_routes}
    named |= {text.overflow.sha256 for text in (message.text, message.html) if text and text.overflow}
    assert {sha256(blob).hexdigest() for blob in normalized.blobs} == named


def _check_storable(message: InboundMessage) -> None:
    """PostgreSQL takes neither NUL nor lone surrogates, nor numbers that no reader holds."""
    written = message.model_dump_json()
    assert "\\u0000" not in written
    InboundMessage.model_validate_json(written)
