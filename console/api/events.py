"""Ticket events as server-sent events: each with its position as `id`, so that a reader goes on where it was."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from console.api.access import EventsReader
from console.api.ports import Events, EventsPage, Tokens
from console.api.problems import ProblemError
from console.api.tokens import StoredToken
from schemas.events import EventType

MOVED_ON: Final = 1_000
"""Positions of events that a reader may not see; then it is told where it stands, and goes on from there."""
SURE_SECONDS: Final = 5.0
"""So long after its token was revoked or changed a stream is heard at most."""
LOOK_SECONDS: Final = 0.5
HEARTBEAT_SECONDS: Final = 15.0
LIFE_SECONDS: Final = 600.0
"""Then a stream ends and its reader comes again, with a token that is looked at anew."""

_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "one event of the stream; `id` is where to go on (`Last-Event-ID`)",
    "properties": {
        "id": {"type": "string", "pattern": r"^[0-9]{1,18}$"},
        "event": {"type": "string", "enum": ["gap", *EventType]},
        "data": {"type": "string", "description": "a CloudEvent as JSON; `{}` of a gap"},
    },
    "required": ["id", "event", "data"],
}
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "a stream of ticket events", "content": {"text/event-stream": {"schema": _EVENT}}}
}


class Places:
    """How many streams there may be at a time: in all, and of one token."""

    def __init__(self, *, most: int, each: int) -> None:
        self._left = most
        self._each = each
        self._taken: Counter[int] = Counter()

    def take(self, token_id: int) -> "Place":
        """Take one. Raises a problem when this token has all of its own, or when all are taken."""
        if self._taken[token_id] >= self._each:
            raise _too_many(f"This token has {self._each} streams open, and may have no more (api.streams_per_token).")
        if self._left <= 0:
            raise _too_many("As many streams are open as this server allows (api.streams).")
        self._left -= 1
        self._taken[token_id] += 1
        return Place(self, token_id)

    def give_back(self, token_id: int) -> None:
        """Let somebody else have one."""
        self._left += 1
        self._taken[token_id] -= 1
        self._taken += Counter()  # forgets tokens without a stream


class Place:
    """One place, freed once however often that is asked."""

    def __init__(self, places: Places, token_id: int) -> None:
        self._places: Places | None = places
        self._token_id = token_id

    def free(self) -> None:
        """Give it back."""
        places, self._places = self._places, None
        if places is not None:
            places.give_back(self._token_id)


def _too_many(detail: str) -> ProblemError:
    return ProblemError(429, "too-many-streams", detail, headers={"Retry-After": "30"})


class _Stream(StreamingResponse):
    """A stream that gives its place back however it ends, also when it never began."""

    def __init__(self, content: AsyncIterator[str], place: Place) -> None:
        super().__init__(content, media_type="text/event-stream")
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.free()


def router(events: Events, *, tokens: Tokens, streams: int, each: int) -> APIRouter:
    """Make the path."""
    paths, places = APIRouter(tags=["events"]), Places(most=streams, each=each)

    @paths.get("/events", response_class=StreamingResponse, responses=_STREAM)
    async def stream_events(
        token: EventsReader,
        last: Annotated[
            str | None,
            Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,18}$", description="0: from the oldest that is kept"),
        ] = None,
    ) -> StreamingResponse:
        """Hear of tickets as it happens. Who has missed something gets `event: gap`: list the tickets anew."""
        place = places.take(token.id)
        try:
            start, gap = await events.start(token.accounts, None if last is None else int(last))
        except BaseException:
            place.free()
            raise
        return _Stream(_stream(_Reader(events, tokens, token), start, gap=gap), place)

    return paths


class _Reader:
    """Reads the feed for a token, as long as the token is what it was when the stream began."""

    def __init__(self, events: Events, tokens: Tokens, token: StoredToken) -> None:
        self._events = events
        self._tokens = tokens
        self._token = token
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + LIFE_SECONDS
        self._sure_until = self._loop.time() + SURE_SECONDS

    async def may_go_on(self) -> bool:
        """Look at the token again when that was long ago: one that was changed in any way ends the stream."""
        now = self._loop.time()
        if now >= self._ends_at:
            return False
        if now < self._sure_until:
            return True
        self._sure_until = now + SURE_SECONDS
        return await self._tokens.still(self._token)

    async def page(self, position: int) -> EventsPage:
        return await self._events.page(self._token.accounts, position)


async def _stream(reader: _Reader, start: int, *, gap: bool) -> AsyncIterator[str]:
    """Give the stream. It ends in peace when the store does not answer: its reader comes again."""
    loop = asyncio.get_running_loop()
    said_at, position, said = loop.time(), start, start
    yield f"id: {start}\nevent: gap\ndata: {{}}\n\n" if gap else f"id: {start}\n: hello\n\n"
    with contextlib.suppress(ProblemError):
        while await reader.may_go_on():
            found = await reader.page(position)
            for event in found.events:
                if not await reader.may_go_on():
                    return
                yield f"id: {event.position}\nevent: {event.type}\ndata: {event.event}\n\n"
                said, said_at = event.position, loop.time()
            position = found.position
            if found.events:
                continue
            await asyncio.sleep(LOOK_SECONDS)
            if loop.time() - said_at > HEARTBEAT_SECONDS or position - said > MOVED_ON:
                yield f"id: {position}\n: still here\n\n"
                said, said_at = position, loop.time()
