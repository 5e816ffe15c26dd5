"""Webhooks as the rooms hand them around: endpoints, what is due, what became of a try."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

TEST_TYPE: Final = "webhook.test"
"""Type of the event that an operator sends to see whether an endpoint works; about no ticket."""


class EndpointState(StrEnum):
    """Whether an endpoint gets events: `paused` by a person, `disabled` by us."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class DispatchState(StrEnum):
    """How far an event is on its way to one endpoint. `expired`: it waited for too long to be worth sending."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How an endpoint does. `failures` in a row; nothing is sent before `not_before`."""

    state: EndpointState = EndpointState.ACTIVE
    reason: str = ""
    failures: int = 0
    failing_since: datetime | None = None
    succeeded_at: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint as operators see it. `accounts` and `types` None: all. Its secrets are not here."""

    id: int
    name: str
    url: str = field(repr=False)
    accounts: list[str] | None
    types: list[str] | None
    state: EndpointState
    reason: str
    created_at: datetime
    failures: int
    failing_since: datetime | None
    succeeded_at: datetime | None
    not_before: datetime | None
    pending: int
    oldest_pending_at: datetime | None
    secrets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDispatch:
    """An event that is to be sent now, first of its ticket's. `hidden`: other tickets that the endpoint may not see."""

    id: int
    endpoint_id: int
    ticket: str
    event_id: UUID
    type: str
    attempt: int
    first_tried_at: datetime
    event: str = field(repr=False)
    url: str = field(repr=False)
    secrets: list[bytes] = field(repr=False)
    hidden: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of a try. `next_at` None: there is no other. `status` None: no answer came."""

    state: DispatchState
    tried_at: datetime
    took_ms: int
    status: int | None
    problem: str
    answer: str = field(default="", repr=False)
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRow:
    """One dispatch as the log shows it."""

    id: int
    endpoint_id: int
    event_id: UUID
    type: str
    ticket: str
    sequence: int
    state: DispatchState
    attempts: int
    created_at: datetime
    done_at: datetime | None
    next_at: datetime | None
    status: int | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One try as the log shows it."""

    attempt: int
    tried_at: datetime
    took_ms: int
    status: int | None
    problem: str
    answer: str = field(repr=False)
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for an endpoint, for metrics."""

    endpoint_id: int
    name: str
    state: EndpointState
    reason: str
    pending: int
    oldest_at: datetime | None
