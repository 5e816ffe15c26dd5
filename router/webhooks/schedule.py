"""When an event is tried again, when it is given up, and when an endpoint is (pure)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from schemas.webhook_rows import TEST_TYPE, DispatchState, DueDispatch, EndpointState, Health, Tried

STEPS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
)
"""Pauses after the first, second ... failed try; the last one again and again."""
JITTER: Final = 0.2
"""A pause is longer by up to this share of it, so that what failed together is not tried together."""
LONGEST_ASKED: Final = timedelta(hours=6)
"""For which a receiver may ask us to stay away (Retry-After)."""
CALM_FAILURES: Final = 5
"""Failures in a row from which on an endpoint itself is left alone for a while, not only the events that failed."""
LONGEST_CALM: Final = timedelta(minutes=1)
GONE: Final = 410
BUSY: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """`give_up`: so long an event is tried, since its first try. `disable`: so long an endpoint may fail at all."""

    give_up: timedelta = timedelta(hours=72)
    disable: timedelta = timedelta(days=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a request. `status` None: no answer, and `problem` says why. `after`: what Retry-After asks for."""

    status: int | None
    problem: str = ""
    body: str = ""
    after: timedelta | None = None
    took: timedelta = timedelta()

    @property
    def accepted(self) -> bool:
        """Whether the receiver has it: 2xx, and nothing else."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's success


def pause(attempt: int, *, random: Callable[[], float]) -> timedelta:
    """Give the pause after a failed try, the first being 1. `random` gives 0 to 1."""
    return STEPS[min(attempt, len(STEPS)) - 1] * (1 + JITTER * random())


def judge(
    due: DueDispatch,
    answer: Answer,
    patience: Patience,
    *,
    tried_at: datetime,
    now: datetime,
    random: Callable[[], float],
) -> Tried:
    """Say what became of a try, and when the next one is."""
    state, next_at = DispatchState.DELIVERED, None
    if not answer.accepted:
        wait = max(pause(due.attempt, random=random), _asked(answer))
        over = due.type == TEST_TYPE or now + wait > due.first_tried_at + patience.give_up
        state, next_at = (DispatchState.FAILED, None) if over else (DispatchState.PENDING, now + wait)
    return Tried(
        state=state,
        tried_at=tried_at,
        took_ms=answer.took // timedelta(milliseconds=1),
        status=answer.status,
        problem="" if answer.accepted else answer.problem or f"it answers {answer.status}",
        answer=answer.body,
        next_at=next_at,
    )


def health_after(before: Health, answer: Answer, tried: Tried, patience: Patience, *, now: datetime) -> Health:
    """Say how an endpoint does after a try."""
    if answer.accepted:
        return replace(before, failures=0, failing_since=None, succeeded_at=now, not_before=None)
    since = before.failing_since or now
    after = replace(before, failures=before.failures + 1, failing_since=since)
    rest = max(_calm(after.failures), _asked(answer))
    if rest:
        after = replace(after, not_before=max(now + rest, before.not_before or now))
    if before.state is not EndpointState.DISABLED and (why := _over(answer, tried, since, patience, now)):
        after = replace(after, state=EndpointState.DISABLED, reason=why)
    return after


def recovered(before: Health, after: Health) -> bool:
    """Whether an endpoint that was left alone works again: what waits for it need wait no longer."""
    return before.failures >= CALM_FAILURES and not after.failures


def _over(answer: Answer, tried: Tried, since: datetime, patience: Patience, now: datetime) -> str:
    """Say why an endpoint gets nothing any more; empty while it does."""
    if answer.status == GONE:
        return "it answered 410: it wants no more events"
    if now - since >= patience.disable:
        return f"nothing was accepted since {since:%Y-%m-%d %H:%M} UTC; the last time {tried.problem}"
    return ""


def _asked(answer: Answer) -> timedelta:
    return min(answer.after or timedelta(), LONGEST_ASKED) if answer.status in BUSY else timedelta()


def _calm(failures: int) -> timedelta:
    over = failures - CALM_FAILURES
    return min(timedelta(seconds=2 ** min(over, 10)), LONGEST_CALM) if over >= 0 else timedelta()
