"""The application of the HTTP API."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from console.api import actions, channels, events, files, problems, spool, tickets, webhooks
from console.api.access import PROBLEMS, secured
from console.api.gate import ROOT, Gate, Limits
from console.api.needed import scopes_of
from console.api.ports import Actions, Channels, Events, Files, Requests, Spool, Tickets, Tokens, Webhooks

VERSION: Final = "1.0.0"
ABOUT: Final = "Tickets of every channel: read them, answer them, place what is held, hear what happens."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the API works with."""

    tokens: Tokens
    requests: Requests
    tickets: Tickets
    actions: Actions
    spool: Spool
    files: Files
    events: Events
    streams: int
    streams_each: int
    channels: Channels
    webhooks: Webhooks


def make_api(rooms: Rooms, *, limits: Limits, clock: Callable[[], datetime], timer: Callable[[], float]) -> ASGIApp:
    """Make the application behind its gate. `timer` gives seconds that never go back."""
    return Gate(
        app=make_app(rooms),
        scope_of=scopes_of(_routers(rooms), root=ROOT),
        tokens=rooms.tokens,
        requests=rooms.requests,
        limits=limits,
        clock=clock,
        timer=timer,
    )


def make_app(rooms: Rooms) -> FastAPI:
    """Make the application alone: its paths and their description."""
    app = FastAPI(
        title="Switchboard",
        version=VERSION,
        summary="HTTP API of Switchboard",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{ROOT}/openapi.json",
        redirect_slashes=False,
        generate_unique_id_function=_operation,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    problems.add_to(app)
    for router in _routers(rooms):
        app.include_router(router, prefix=ROOT, responses=PROBLEMS, dependencies=secured())
    return app


def _routers(rooms: Rooms) -> Sequence[APIRouter]:
    return (
        tickets.router(rooms.tickets),
        actions.router(rooms.actions),
        spool.router(rooms.spool),
        files.router(rooms.files),
        channels.router(rooms.channels),
        events.router(rooms.events, tokens=rooms.tokens, streams=rooms.streams, each=rooms.streams_each),
        webhooks.router(rooms.webhooks),
    )


def _operation(route: APIRoute) -> str:
    """Name an operation by its function: what generated clients call it."""
    return route.name
