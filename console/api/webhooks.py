"""Endpoints of webhooks, and the log of what was sent to them."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from console.api import cursors
from console.api.access import WebhooksKeeper
from console.api.ports import Webhooks
from console.api.problems import RefusedError
from console.api.shapes import MAX_ID, Page
from console.api.tickets import Cursor, Limit, next_cursor
from schemas.events import EventType
from schemas.webhook_rows import DispatchState

LONGEST_OVERLAP: Final = 30 * 24
Overlap = Annotated[float, Query(ge=0, le=LONGEST_OVERLAP, description="so long the secret before signs, too")]
EndpointId = Annotated[int, Path(ge=1, le=MAX_ID)]
DispatchId = Annotated[int, Path(ge=1, le=MAX_ID)]


class NewEndpoint(BaseModel):
    """Where events shall go. Null means all that the token may see."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, StringConstraints(max_length=2048, pattern=r"^https?://[\x21-\x7e]+$")]
    name: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")] = ""
    accounts: Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(min_length=1)] | None = None
    types: Annotated[list[EventType], Field(min_length=1)] | None = None


class Endpoint(BaseModel):
    """An endpoint and how it does. Its secrets are never given again."""

    id: int
    name: str
    url: str
    accounts: list[str] | None = Field(description="null: every account")
    types: list[str] | None = Field(description="null: every type")
    state: str = Field(description="active, paused (by a person) or disabled (by us)")
    reason: str = Field(description="why it is not active")
    created_at: datetime
    failures: int = Field(description="tries in a row that failed")
    failing_since: datetime | None
    succeeded_at: datetime | None
    pending: int = Field(description="events that wait for it")
    oldest_pending_at: datetime | None
    secrets: int = Field(description="that sign now")


class Secret(BaseModel):
    """A secret, this once."""

    secret: str = Field(description="whsec_...")


class MadeEndpoint(Endpoint, Secret):
    """A new endpoint with its secret, this once."""


class Endpoints(BaseModel):
    """All that the token may see."""

    items: list[Endpoint]


class Dispatch(BaseModel):
    """An event on its way to an endpoint, and what came of the last try."""

    id: int
    event_id: str = Field(description="also the `webhook-id`")
    type: str
    ticket: str = Field(description="empty for a test")
    sequence: int
    state: str = Field(description="pending, delivered, failed or expired")
    attempts: int
    created_at: datetime
    done_at: datetime | None
    next_at: datetime | None
    status: int | None
    problem: str


class Try(BaseModel):
    """One try."""

    attempt: int
    tried_at: datetime
    took_ms: int
    status: int | None = Field(description="null: no answer came")
    problem: str
    answer: str = Field(description="how the answer's body began; never trust it")
    next_at: datetime | None


class DispatchDetail(Dispatch):
    """A dispatch with its tries."""

    tries: list[Try]


def _once(key: Annotated[str | None, Header(alias="Idempotency-Key")] = None) -> None:
    """Refuse to keep an answer that holds a secret."""
    if key is not None:
        raise RefusedError("The answer holds a secret and is not kept: ask without Idempotency-Key.")


def router(webhooks: Webhooks) -> APIRouter:
    """Make the paths."""
    paths = APIRouter(tags=["webhooks"])
    _keeping(paths, webhooks)
    _log(paths, webhooks)
    return paths


def _keeping(paths: APIRouter, webhooks: Webhooks) -> None:
    @paths.get("/webhooks")
    async def list_endpoints(token: WebhooksKeeper) -> Endpoints:
        """List endpoints that get events of the token's accounts and of no others."""
        return Endpoints(items=[Endpoint.model_validate(row) for row in await webhooks.all(token.accounts)])

    @paths.post("/webhooks", status_code=201, dependencies=[Depends(_once)])
    async def add_endpoint(token: WebhooksKeeper, body: NewEndpoint) -> MadeEndpoint:
        """Send events to a server from now on. Whoever may do this may read these events."""
        made = await webhooks.add(token.accounts, body.model_dump(mode="json"), token_id=token.id)
        return MadeEndpoint.model_validate(made)

    @paths.get("/webhooks/{endpoint_id}")
    async def show_endpoint(token: WebhooksKeeper, endpoint_id: EndpointId) -> Endpoint:
        """Show an endpoint and how it does."""
        return Endpoint.model_validate(await webhooks.show(token.accounts, endpoint_id))

    @paths.delete("/webhooks/{endpoint_id}", status_code=204)
    async def remove_endpoint(token: WebhooksKeeper, endpoint_id: EndpointId) -> Response:
        """Remove an endpoint with its secrets, what waits for it, and its log."""
        await webhooks.remove(token.accounts, endpoint_id)
        return Response(status_code=204)

    @paths.post("/webhooks/{endpoint_id}/pause")
    async def pause_endpoint(token: WebhooksKeeper, endpoint_id: EndpointId) -> Endpoint:
        """Send it nothing for a while; events wait."""
        return Endpoint.model_validate(await webhooks.pause(token.accounts, endpoint_id))

    @paths.post("/webhooks/{endpoint_id}/resume")
    async def resume_endpoint(token: WebhooksKeeper, endpoint_id: EndpointId) -> Endpoint:
        """Let it go on that was paused or disabled, with all that waits."""
        return Endpoint.model_validate(await webhooks.resume(token.accounts, endpoint_id))

    @paths.post("/webhooks/{endpoint_id}/rotate", dependencies=[Depends(_once)])
    async def rotate_secret(token: WebhooksKeeper, endpoint_id: EndpointId, overlap_hours: Overlap = 24.0) -> Secret:
        """Sign with a new secret from now on."""
        return Secret(secret=await webhooks.rotate(token.accounts, endpoint_id, overlap_hours))

    @paths.post("/webhooks/{endpoint_id}/test", status_code=202)
    async def test_endpoint(token: WebhooksKeeper, endpoint_id: EndpointId) -> DispatchDetail:
        """Send an event that is about nothing; look at the dispatch for what came of it."""
        return DispatchDetail.model_validate(await webhooks.test(token.accounts, endpoint_id))


def _log(paths: APIRouter, webhooks: Webhooks) -> None:
    @paths.get("/webhooks/{endpoint_id}/dispatches")
    async def list_dispatches(
        token: WebhooksKeeper,
        endpoint_id: EndpointId,
        *,
        state: DispatchState | None = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[Dispatch]:
        """List what was sent, the newest first."""
        bound: dict[str, Any] = {"what": "dispatches", "endpoint": endpoint_id, "state": state}
        after = cursors.read(cursor, bound)
        rows = await webhooks.log(token.accounts, endpoint_id, state=state, after=after, limit=limit + 1)
        shown = [Dispatch.model_validate(row) for row in rows[:limit]]
        return Page[Dispatch](items=shown, next_cursor=next_cursor(rows, limit, bound))

    @paths.get("/webhooks/{endpoint_id}/dispatches/{dispatch_id}")
    async def show_dispatch(token: WebhooksKeeper, endpoint_id: EndpointId, dispatch_id: DispatchId) -> DispatchDetail:
        """Show a dispatch and what came of every try."""
        return DispatchDetail.model_validate(await webhooks.dispatch(token.accounts, endpoint_id, dispatch_id))

    @paths.post("/webhooks/{endpoint_id}/dispatches/{dispatch_id}/resend", status_code=202)
    async def resend_dispatch(
        token: WebhooksKeeper, endpoint_id: EndpointId, dispatch_id: DispatchId
    ) -> DispatchDetail:
        """Send an event again under its id; one that waits for its next try is sent now."""
        return DispatchDetail.model_validate(await webhooks.resend(token.accounts, endpoint_id, dispatch_id))
