"""Messages that wait for a person."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from console.api import cursors
from console.api.access import SpoolReader, SpoolWriter
from console.api.actions import Key, asking
from console.api.ports import Asked, Spool
from console.api.shapes import Held, HeldDetail, Number, Page
from console.api.tickets import Cursor, Limit, MessageId, Word, next_cursor


class Link(BaseModel):
    """The ticket for a held message."""

    model_config = ConfigDict(extra="forbid")
    ticket: Number


class Filed(BaseModel):
    """What became of a held message."""

    ticket: str = Field(description="where it stands now; empty when it was discarded or stays held")
    released: int = Field(description="held answers that went with it")
    held: bool = Field(description="it is held still: the rules leave it open")


def _asked(token: SpoolWriter, key: Key = None) -> Asked:
    return asking(token, key, None)


Request = Annotated[Asked, Depends(_asked)]


def router(spool: Spool) -> APIRouter:
    """Make the paths."""
    paths = APIRouter(tags=["spool"])

    @paths.get("/spool")
    async def list_spool(
        token: SpoolReader, *, reason: Word = None, account: Word = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[Held]:
        """List held messages, the oldest first."""
        filters: dict[str, str | None] = {"reason": reason, "account": account}
        bound: dict[str, Any] = {**filters, "what": "spool"}
        after = cursors.read(cursor, bound)
        rows = await spool.page(token.accounts, filters=filters, after=after, limit=limit + 1)
        shown = [Held.model_validate(row) for row in rows[:limit]]
        return Page[Held](items=shown, next_cursor=next_cursor(rows, limit, bound))

    @paths.get("/spool/{message_id}")
    async def show_held(token: SpoolReader, message_id: MessageId) -> HeldDetail:
        """Show a held message, why it waits, and the tickets to which it might belong."""
        return HeldDetail.model_validate(await spool.held(token.accounts, message_id))

    @paths.post("/spool/{message_id}/link")
    async def link_held(asked: Request, message_id: MessageId, body: Link) -> Filed:
        """Put a held message on a ticket."""
        return Filed.model_validate(await spool.place(asked, message_id, "link", body.ticket))

    @paths.post("/spool/{message_id}/open")
    async def open_held(asked: Request, message_id: MessageId) -> Filed:
        """Open a ticket for a held message."""
        return Filed.model_validate(await spool.place(asked, message_id, "open"))

    @paths.post("/spool/{message_id}/discard")
    async def discard_held(asked: Request, message_id: MessageId) -> Filed:
        """Take a held message out of the spool; it is kept and counted."""
        return Filed.model_validate(await spool.place(asked, message_id, "discard"))

    @paths.post("/spool/{message_id}/release")
    async def release_held(asked: Request, message_id: MessageId) -> Filed:
        """Let the rules decide anew."""
        return Filed.model_validate(await spool.place(asked, message_id, "release"))

    return paths
