"""Ticket events as server-sent events: each with its position as `id`, so that a reader goes on where it was."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from console.api.access import EventsReader
from console.api.ports import Events
from console.api.problems import ProblemError
from console.api.tokens import StoredToken

LOOK_SECONDS: Final = 0.5
HEARTBEAT_SECONDS: Final = 15.0
LIFE_SECONDS: Final = 600.0
"""Then a stream ends and its reader comes again, with a token that is looked at anew."""

_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "a stream without end", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


class Places:
    """How many streams there may be at a time."""

    def __init__(self, *, most: int) -> None:
        self._left = most

    def check(self) -> None:
        """Raise a problem when all are taken."""
        if self._left <= 0:
            detail = "As many streams are open as this server allows (api.streams)."
            raise ProblemError(429, "too-many-streams", detail, headers={"Retry-After": "30"})

    def take(self) -> None:
        """Take one, as the stream begins: one that never does takes none."""
        self._left -= 1

    def free(self) -> None:
        """Give one back."""
        self._left += 1


def router(events: Events, *, streams: int) -> APIRouter:
    """Make the path."""
    paths, places = APIRouter(tags=["events"]), Places(most=streams)

    @paths.get("/events", response_class=StreamingResponse, responses=_STREAM)
    async def stream_events(
        token: EventsReader,
        last: Annotated[
            str | None,
            Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,18}$", description="0: from the oldest that is kept"),
        ] = None,
    ) -> StreamingResponse:
        """Hear of tickets as it happens. Who was away for too long gets `event: gap`: list the tickets anew."""
        places.check()
        oldest, newest = await events.ends()
        start = newest if last is None else min(int(last), newest)
        gap = 0 < start < oldest - 1
        return StreamingResponse(_stream(events, token, start, places, gap=gap), media_type="text/event-stream")

    return paths


async def _stream(events: Events, token: StoredToken, start: int, places: Places, *, gap: bool) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends_at = said_at = loop.time()
    ends_at += LIFE_SECONDS
    position = start
    places.take()
    try:
        yield "event: gap\ndata: {}\n\n" if gap else ": hello\n\n"
        while loop.time() < ends_at:
            found = await events.after(token.accounts, position)
            for event in found:
                yield f"id: {event.position}\nevent: {event.type}\ndata: {event.event}\n\n"
                position = event.position
            if found:
                said_at = loop.time()
                continue
            await asyncio.sleep(LOOK_SECONDS)
            if loop.time() - said_at > HEARTBEAT_SECONDS:
                yield ": still here\n\n"
                said_at = loop.time()
    finally:
        places.free()
