"""The store's dialogues as channels with pages see them (`connectors.dialogue.Dialogues`)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import psycopg
import structlog

from connectors.base import Connector, LaterError
from connectors.dialogue import Hint, Paged
from schemas.dialogue_rows import DialogueLine, FormLink, OwnWords
from ticket_store.dialogues import PostgresDialogues
from ticket_store.form_links import PostgresFormLinks
from ticket_store.pool import Pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOOK_EVERY: Final = 30.0
"""Seconds after which dialogues are looked at without a hint."""
AGAIN: Final = 2.0
"""Seconds until hints are asked for again, when the session that hears them has ended."""

_log = structlog.get_logger(__name__)


class FileBytes(Protocol):
    """Where files lie."""

    async def get(self, digest: str) -> bytes:
        """Give the whole. Raises `OSError`."""
        ...


class StoredDialogues:
    """One for a process. `run` hears hints, where somebody listens."""

    def __init__(self, *, pool: Pool, conninfo: str, blobs: FileBytes, clock: Callable[[], datetime]) -> None:
        self._dialogues = PostgresDialogues(pool=pool, conninfo=conninfo)
        self._links = PostgresFormLinks(pool=pool)
        self._blobs = blobs
        self._clock = clock
        self._listeners: list[Hint] = []

    def serve(self, connectors: Mapping[str, Connector]) -> None:
        """Give the dialogues to the channels that have pages."""
        for connector in connectors.values():
            if isinstance(connector, Paged):
                connector.use(self)

    async def say(
        self, digest: str, *, echo: str, body: str, files: Sequence[Mapping[str, Any]]
    ) -> tuple[int, datetime]:
        """Keep what we say."""
        async with _later():
            return await self._dialogues.say(digest, echo=echo, body=body, files=files, at=self._clock())

    async def after(self, digest: str, line: int, *, most: int) -> Sequence[DialogueLine]:
        """Read what came after a line."""
        async with _later():
            return await self._dialogues.after(digest, line, most=most)

    async def last(self, digest: str, *, most: int) -> Sequence[DialogueLine]:
        """Read the newest lines."""
        async with _later():
            return await self._dialogues.last(digest, most=most)

    async def own(self, digest: str, *, most: int) -> Sequence[OwnWords]:
        """Read the newest of what the person said."""
        async with _later():
            return await self._dialogues.own(digest, most=most)

    async def line(self, digest: str, line: int) -> DialogueLine | None:
        """Read one line."""
        async with _later():
            return await self._dialogues.line(digest, line)

    async def ticket(self, digest: str) -> str | None:
        """Give the number of the ticket on which it goes on."""
        async with _later():
            return await self._dialogues.ticket(digest)

    async def age(self, digest: str) -> timedelta | None:
        """Tell how long ago the person's first words came."""
        async with _later():
            began = await self._dialogues.began(digest)
        return None if began is None else self._clock() - began

    async def standing(self, digests: Sequence[str]) -> Mapping[str, int]:
        """Say how many lines these have."""
        async with _later():
            return await self._dialogues.standing(digests)

    async def file(self, sha256: str) -> bytes:
        """Read a file's bytes."""
        async with _later():
            return await self._blobs.get(sha256)

    async def link(self, account: str, link_id: str) -> FormLink | None:
        """Read a link to a form."""
        async with _later():
            return await self._links.read(account, link_id)

    def listen(self, hint: Hint) -> None:
        """Call `hint` from now on."""
        self._listeners.append(hint)

    async def run(self) -> None:
        """Hear hints until cancelled; now and then, and whenever some may have been missed, say so."""
        if not self._listeners:
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear())
            tasks.create_task(self._look())

    async def _hear(self) -> None:
        while True:
            try:
                await self._dialogues.hear(self._tell, began=self._missed)
            except (psycopg.Error, OSError) as error:
                _log.warning("no hints of dialogues", error=type(error).__name__)
            await asyncio.sleep(AGAIN)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self._missed()

    def _tell(self, digest: str) -> None:
        for hint in self._listeners:
            hint(digest)

    def _missed(self) -> None:
        for hint in self._listeners:
            hint(None)


@asynccontextmanager
async def _later() -> "AsyncIterator[None]":
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise LaterError(f"the store does not answer: {type(error).__name__}") from error
