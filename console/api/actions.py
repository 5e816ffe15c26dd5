"""What is done on tickets."""

import re
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from console.api.access import TicketsWriter
from console.api.ports import Actions, Asked, Words
from console.api.problems import invalid
from console.api.shapes import MAX_ID, Number
from console.api.tickets import MessageId, Which
from console.api.tokens import StoredToken

MAX_TEXT: Final = 500_000
Address = Annotated[str, StringConstraints(min_length=1, max_length=320, pattern=r"^[^\x00-\x1f]+$")]
Said = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"\S"), Field(description="plain text")
]
UploadId = Annotated[int, Field(ge=1, le=MAX_ID)]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=r"^[!-~]{1,255}$", description="the same key and body: done once"),
]
_VERSION: Final = r'(?:W/)?"?([0-9]{1,18})"?'
Match = Annotated[
    str | None,
    Header(alias="If-Match", pattern=rf"^(?:\*|{_VERSION})$", description='`"version"` of the ticket, or `*`'),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewReply(_Body):
    """An answer to the customer."""

    text: Said
    cc: list[Address] = Field(default=[], max_length=50, description="they take part from now on")
    everyone: bool = Field(default=False, description="also to those whom customers copied")
    files: list[UploadId] = Field(default=[], max_length=100, description="ids of uploads")


class NewNote(_Body):
    """What customers never see."""

    text: Said
    to: list[Address] = Field(default=[], max_length=50, description="send it to these, who are no customers")
    files: list[UploadId] = Field(default=[], max_length=100, description="ids of uploads")


class Merge(_Body):
    """Where a ticket goes on."""

    into: Number
    different_requesters: bool = Field(default=False, description="let two requesters see each other's words")


class Requester(_Body):
    """A ticket's customer."""

    address: Address
    name: Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")] = ""


class Move(_Body):
    """Where a message goes."""

    to: Number | Literal["new", "hold"] = Field(description="a ticket, a ticket of its own, or back to the spool")


class SaidAnswer(BaseModel):
    """A message of ours that stands on a ticket now."""

    message_id: int
    ticket: Number = Field(description="where it stands: the ticket on which a merged one goes on")
    recipients: list[str]
    closed: bool = Field(description="the ticket was closed, and is so still")
    bounced: dict[str, str] = Field(description="recipients who did not take our last message, and why")
    repeated: bool = Field(description="it had been written before, by the same request")


class Merged(BaseModel):
    """What a merge came to."""

    source: Number
    into: Number
    already: bool


class Moved(BaseModel):
    """Where a message was and is; `now` is empty when it is held."""

    message_id: int
    before: str
    now: str
    already: bool = False


def router(actions: Actions) -> APIRouter:
    """Make the paths."""
    paths = APIRouter(tags=["actions"])
    _saying(paths, actions)

    @paths.post("/tickets/{number}/close", status_code=204)
    async def close_ticket(asked: Request, number: Which) -> Response:
        """Close a ticket; what the customer answers opens it again."""
        await actions.status(asked, number, "closed")
        return Response(status_code=204)

    @paths.post("/tickets/{number}/reopen", status_code=204)
    async def reopen_ticket(asked: Request, number: Which) -> Response:
        """Open a ticket again; one that was merged goes on by itself."""
        await actions.status(asked, number, "open")
        return Response(status_code=204)

    @paths.post("/tickets/{number}/spam", status_code=204)
    async def spam_ticket(asked: Request, number: Which) -> Response:
        """Call a ticket spam: what answers it is held."""
        await actions.status(asked, number, "spam")
        return Response(status_code=204)

    @paths.post("/tickets/{number}/merge")
    async def merge_ticket(asked: Request, number: Which, body: Merge) -> Merged:
        """Let a ticket go on as another one; reopening undoes it."""
        done = await actions.merge(asked, number, body.into, different=body.different_requesters)
        return Merged.model_validate(done)

    @paths.post("/tickets/{number}/requester", status_code=204)
    async def name_requester(asked: Request, number: Which, body: Requester) -> Response:
        """Name the customer of a ticket that staff forwarded: replies go there."""
        await actions.requester(asked, number, body.address, body.name)
        return Response(status_code=204)

    @paths.post("/messages/{message_id}/move")
    async def move_message(asked: Request, message_id: MessageId, body: Move) -> Moved:
        """Move a message that stands on the wrong ticket."""
        return Moved.model_validate(await actions.move(asked, message_id, body.to))

    return paths


def _saying(paths: APIRouter, actions: Actions) -> None:
    @paths.post("/tickets/{number}/reply", status_code=201)
    async def reply_ticket(asked: Request, number: Which, body: NewReply) -> SaidAnswer:
        """Answer the customer on the ticket's channel. A closed ticket stays closed."""
        words = Words(text=body.text, people=body.cc, everyone=body.everyone, files=body.files)
        return SaidAnswer.model_validate(await actions.reply(asked, number, words))

    @paths.post("/tickets/{number}/note", status_code=201)
    async def note_ticket(asked: Request, number: Which, body: NewNote) -> SaidAnswer:
        """Write what customers never see."""
        words = Words(text=body.text, people=body.to, files=body.files)
        return SaidAnswer.model_validate(await actions.note(asked, number, words))


def asking(token: StoredToken, key: str | None, match: str | None) -> Asked:
    """Give who asks, and for which version. Raises a problem for what is no version."""
    version: int | None = None
    if match is not None and match != "*":
        found = re.fullmatch(_VERSION, match, re.ASCII)
        if found is None:
            raise invalid("header.If-Match", 'write the ETag as you got it, such as "17"')
        version = int(found[1])
    return Asked(token=token, key=key or "", version=version)


def _asked(token: TicketsWriter, key: Key = None, match: Match = None) -> Asked:
    return asking(token, key, match)


Request = Annotated[Asked, Depends(_asked)]
