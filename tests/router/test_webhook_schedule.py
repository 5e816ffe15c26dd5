"""When an event is tried again, and what an endpoint's answers make of it. Signatures and what an endpoint reads."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from router.webhooks.schedule import (
    LONGEST_CALM,
    STEPS,
    Answer,
    Patience,
    health_after,
    judge,
    pause,
    recovered,
)
from router.webhooks.sieve import sifted
from router.webhooks.signing import headers, new_secret, shown, sign
from schemas.webhook_rows import TEST_TYPE, DueDispatch, Health, Tried

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def due(attempt: int = 1, *, first: datetime = NOON, kind: str = "ticket.created") -> DueDispatch:
    return DueDispatch(
        id=1,
        endpoint_id=1,
        ticket="1",
        event_id=UUID(int=1),
        type=kind,
        attempt=attempt,
        first_tried_at=first,
        event="{}",
        url="https://a.example/",
        secrets=[],
        hidden=[],
    )


def tried(answer: Answer, dispatch: DueDispatch | None = None, *, now: datetime = NOON) -> Tried:
    return judge(dispatch or due(), answer, Patience(), tried_at=now, now=now, random=lambda: 0.0)


def after(health: Health, answer: Answer, *, now: datetime = NOON) -> Health:
    return health_after(health, answer, tried(answer, now=now), Patience(), now=now)


def test_the_pauses_are_those_of_the_schedule_and_the_last_one_is_kept() -> None:
    assert [pause(attempt, random=lambda: 0.0) for attempt in range(1, 9)] == [*STEPS, STEPS[-1], STEPS[-1]]


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_chance_makes_a_pause_longer_by_a_fifth_at_most(chance: float) -> None:
    assert STEPS[0] <= pause(1, random=lambda: chance) < STEPS[0] * 1.2


def test_an_event_is_given_up_when_its_next_try_would_be_too_late() -> None:
    late = NOON + timedelta(hours=72) - STEPS[0]
    assert tried(Answer(status=500), now=late).state == "pending"
    assert tried(Answer(status=500), now=late + timedelta(seconds=1)).state == "failed"


def test_a_test_is_never_tried_again() -> None:
    found = tried(Answer(status=500), due(kind=TEST_TYPE))
    assert (found.state, found.next_at) == ("failed", None)


@pytest.mark.parametrize(
    ("status", "asks", "waits"),
    [(429, 120, 120), (503, 120, 120), (500, 120, 5), (429, 1, 5), (503, 10**9, 6 * 3600), (None, None, 5)],
)
def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks_within_limits(
    status: int | None, asks: int | None, waits: int
) -> None:
    answer = Answer(status=status, after=None if asks is None else timedelta(seconds=asks))
    assert tried(answer).next_at == NOON + timedelta(seconds=waits)


def test_after_five_failures_an_endpoint_is_left_alone_for_longer_and_longer() -> None:
    health, rests = Health(), []
    for _ in range(13):
        health = after(health, Answer(status=None, problem="no answer"))
        rests.append((health.not_before or NOON) - NOON)
    assert rests[:8] == [timedelta(seconds=s) for s in (0, 0, 0, 0, 1, 2, 4, 8)]
    assert rests[-1] == LONGEST_CALM


def test_an_endpoint_works_again_with_its_first_success() -> None:
    failing = Health(failures=7, failing_since=NOON - DAY, not_before=NOON)
    well = after(failing, Answer(status=204))
    assert well == Health(succeeded_at=NOON)
    assert recovered(failing, well)
    assert not recovered(Health(failures=4), well)


def test_an_endpoint_is_disabled_after_days_without_success_and_not_before() -> None:
    failing = Health(failures=7, failing_since=NOON - 5 * DAY + timedelta(seconds=1))
    assert after(failing, Answer(status=500)).state == "active"
    found = after(failing, Answer(status=500), now=NOON + timedelta(seconds=1))
    assert found.state == "disabled"
    assert found.reason == "nothing was accepted since 2026-02-25 12:00 UTC; the last time it answers 500"


def test_the_signature_is_the_one_of_the_specification() -> None:
    """The vector that the specification's own libraries are tested with."""
    secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    library = Webhook(f"whsec_{secret}")
    raw = bytes(library._whsecret)
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(raw, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}') == expected


def test_a_receiver_with_any_of_the_secrets_takes_a_request() -> None:
    now, body = datetime.now(UTC), '{"a": "ü"}'.encode()
    secrets = [bytes([number]) * 32 for number in range(3)]
    found = headers(secrets[:2], "id-1", now, body)
    for secret in secrets[:2]:
        assert Webhook(shown(secret)).verify(body, found) == {"a": "ü"}
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(shown(secrets[2])).verify(body, found)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(shown(secrets[0])).verify(body + b" ", found)


def test_a_secret_has_the_size_and_the_form_of_the_specification() -> None:
    asked: list[int] = []

    def zeros(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    assert shown(new_secret(zeros)) == "whsec_" + "A" * 43 + "="
    assert asked == [32]


def test_what_an_endpoint_may_read_in_whole_stays_octet_for_octet() -> None:
    event = '{ "data" : {"other":"7"}}'
    assert sifted(event, []) == event.encode()


def test_hidden_numbers_are_left_out_wherever_they_stand_and_others_stay() -> None:
    ticket = {"number": "1", "continues": "7", "merged_into": "8"}
    event = json.dumps({"data": {"other": "7", "ticket": ticket, "message": {"text": "see 7, \U0001f600"}}})
    found = json.loads(sifted(event, ["7"]))["data"]
    assert found == {"ticket": {"number": "1", "merged_into": "8"}, "message": {"text": "see 7, \U0001f600"}}
