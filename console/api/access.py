"""Who asks, and whether the token may: what every path declares."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from console.api.problems import Problem, ProblemError, invalid
from console.api.tokens import Scope, StoredToken

_bearer: Final = HTTPBearer(auto_error=False, description="a token of `switchboard tokens create`")

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": what, "content": {"application/problem+json": {}}}
    for status, what in {
        400: "the request cannot be read",
        401: "no right token",
        403: "the token lacks the scope",
        404: "not there, or not to be seen by this token",
        408: "the body came too slowly",
        409: "refused, because of how things stand",
        412: "the ticket has changed since the version in If-Match",
        413: "too large",
        422: "the request is written wrongly",
        429: "too many requests: see Retry-After",
        503: "cannot be done now: see Retry-After",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Needs:
    """The dependency that lets tokens with this scope in. The gate reads `scope` off it, too, before any body."""

    scope: Scope

    def __call__(self, request: Request) -> StoredToken:
        """Give the token. Raises a problem."""
        token: StoredToken = request.state.token
        check_scope(token, self.scope)
        return token


def check_scope(token: StoredToken, scope: Scope) -> None:
    """Raise a problem when a token lacks a scope."""
    if scope not in token.scopes:
        raise ProblemError(403, "scope-missing", f"This token lacks the scope {scope.value}.")


def secured() -> list[Any]:
    """Give what documents that a token is needed; the gate before it has checked it. No path takes unknown filters."""
    return [Security(_bearer), Depends(_only_known)]


def _only_known(request: Request) -> None:
    """Refuse query parameters that the path does not have: a slip in a filter must not show everything."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    if set(request.query_params) - known:
        has = ", ".join(sorted(known)) or "none"
        raise invalid("query", f"this path has no such parameter; it has: {has}")


TicketsReader = Annotated[StoredToken, Depends(Needs(Scope.TICKETS_READ))]
TicketsWriter = Annotated[StoredToken, Depends(Needs(Scope.TICKETS_WRITE))]
SpoolReader = Annotated[StoredToken, Depends(Needs(Scope.SPOOL_READ))]
SpoolWriter = Annotated[StoredToken, Depends(Needs(Scope.SPOOL_WRITE))]
FilesReader = Annotated[StoredToken, Depends(Needs(Scope.ATTACHMENTS_READ))]
ChannelsReader = Annotated[StoredToken, Depends(Needs(Scope.CHANNELS_READ))]
EventsReader = Annotated[StoredToken, Depends(Needs(Scope.EVENTS_READ))]
WebhooksKeeper = Annotated[StoredToken, Depends(Needs(Scope.WEBHOOKS))]
