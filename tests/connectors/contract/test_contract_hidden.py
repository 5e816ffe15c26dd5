"""docs/specs/connector.md, "Secrets": what no log, error or message may tell."""

import logging
from dataclasses import replace

import pytest
import structlog
from recorded import Recording, outcome, recordings, shown

from connectors.base import InvalidDeliveryError, RefusedError

ALL = recordings()
MIN_WORD = 6


@pytest.mark.parametrize("recording", ALL, ids=shown)
def test_no_secret_and_no_text_stands_in_logs_or_errors(recording: Recording, caplog: pytest.LogCaptureFixture) -> None:
    """C26: of a delivery that passes, one that is forged and one that is damaged."""
    caplog.set_level(logging.DEBUG)
    connector, delivery = recording.connect(), recording.delivery
    errors = []
    with structlog.testing.capture_logs() as logs:
        message = outcome(connector, recording.kept)
        damaged = replace(delivery, raw=delivery.raw[:-2] + b"\xff")
        for wrong in (damaged, replace(delivery, headers={}), replace(delivery, raw=b"{}")):
            try:
                connector.authenticate(wrong)
                connector.normalize(wrong)
            except (InvalidDeliveryError, RefusedError) as error:
                errors.append(repr(error))
    said = "\n".join([str(logs), caplog.text, *errors])
    for hidden in (*recording.secrets, *_words(message.text.content)):
        assert hidden not in said


@pytest.mark.parametrize("recording", ALL, ids=shown)
def test_no_secret_stands_in_what_a_connector_or_its_messages_show(recording: Recording) -> None:
    """C27: not even where the platform sends it inside the body."""
    connector = recording.connect()
    shown_text = repr(connector) + repr(recording.settings) + outcome(connector, recording.kept).model_dump_json()
    for secret in recording.secrets:
        assert secret not in shown_text


def _words(text: str) -> list[str]:
    return [word for word in text.split() if len(word) >= MIN_WORD]


@pytest.mark.parametrize("recording", [one for one in ALL if one.proof[0] == "body"], ids=shown)
def test_a_secret_in_the_body_is_gone_before_anything_is_stored(recording: Recording) -> None:
    """C28."""
    for secret in recording.secrets:
        assert secret.encode() not in recording.kept.raw
