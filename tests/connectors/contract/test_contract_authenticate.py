"""docs/specs/connector.md, "Proof": who sent a recorded delivery, and who did not."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import Recording, compact, recordings, shown
from recorded_changes import with_other_byte

from connectors.base import Delivery, RefusedError, Screens, Signs
from daemon.quality import qualities

ALL = recordings()
PROVED = [recording for recording in ALL if recording.proof[0] != "none"]
SIGNED = [one for one in PROVED if one.proof[0] == "header" and qualities()[one.channel]["signed-body"].state == "done"]
FORGED = ("", " ", "x", "0", "é", "\ud800", "a" * 10_000, "null")


@pytest.mark.parametrize("recording", ALL, ids=shown)
def test_what_the_platform_sent_is_accepted(recording: Recording) -> None:
    """C6."""
    recording.connect().authenticate(recording.delivery)


@pytest.mark.parametrize("recording", PROVED, ids=shown)
def test_a_proof_that_is_missing_or_another_is_refused(recording: Recording) -> None:
    """C7 and C8: refused, and never another exception, whatever stands in its place."""
    connector = recording.connect()
    for forged in _forged(recording):
        with pytest.raises(RefusedError):
            connector.authenticate(forged)


@pytest.mark.parametrize("recording", PROVED, ids=shown)
def test_a_proof_by_our_own_call_cannot_be_claimed_from_outside(recording: Recording) -> None:
    """C7: the door says `webhook` to everything that comes by it."""
    assert recording.delivery.intake == "webhook"


@pytest.mark.parametrize("recording", SIGNED, ids=shown)
@settings(deadline=None)
@given(at=st.integers(0, 10**6))
def test_a_changed_byte_of_the_body_is_refused(recording: Recording, at: int) -> None:
    """C9."""
    delivery = recording.delivery
    with pytest.raises(RefusedError):
        recording.connect().authenticate(replace(delivery, raw=with_other_byte(delivery.raw, at)))


@pytest.mark.parametrize("recording", PROVED, ids=shown)
def test_a_delivery_that_is_signed_by_the_account_passes_again(recording: Recording) -> None:
    """C10: replays can be signed."""
    connector = recording.connect()
    assert isinstance(connector, Signs)
    signed = connector.sign(replace(recording.delivery, headers={}))
    connector.authenticate(signed)


@pytest.mark.parametrize("recording", PROVED, ids=shown)
def test_the_headers_alone_refuse_nothing_that_would_be_accepted(recording: Recording) -> None:
    """C29: and whatever stands in the place of a proof, nothing else is raised."""
    connector, delivery = recording.connect(), recording.delivery
    if not isinstance(connector, Screens):
        pytest.skip("nothing of its proof stands in the headers")
    connector.screen(delivery.headers, at=delivery.received_at)
    for name in delivery.headers:
        for wrong in FORGED:
            with contextlib.suppress(RefusedError):
                connector.screen({**delivery.headers, name: wrong}, at=delivery.received_at)


def _forged(recording: Recording) -> Iterator[Delivery]:
    kind, name = recording.proof
    delivery = recording.delivery
    if kind == "header":
        right = delivery.headers[name]
        yield replace(delivery, headers={key: value for key, value in delivery.headers.items() if key != name})
        for wrong in (*FORGED, right[:-1], f"{right}0", with_other_byte(right.encode(), -1).decode("latin-1")):
            yield replace(delivery, headers={**delivery.headers, name: wrong})
    else:
        body = json.loads(delivery.raw)
        right = body.pop(name)
        yield replace(delivery, raw=compact(body))
        for other in (*FORGED, right[:-1], f"{right}0", None, 0, True, [right], {right: right}):
            yield replace(delivery, raw=compact({**body, name: other}))
