"""What the API gives: one model a thing. What a row has beside its fields is left out."""

from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BaseModel, Field, StringConstraints

MOST_ROWS: Final = 200
MAX_ID: Final = 2**63 - 1
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]

_Item = TypeVar("_Item")


class Page(BaseModel, Generic[_Item]):
    """Some rows of a listing."""

    items: list[_Item]
    next_cursor: str | None = Field(default=None, description="give it as `cursor`; null: there are no more")


class Ticket(BaseModel):
    """A ticket as a listing shows it."""

    number: Number
    subject: str
    status: str = Field(description="open, closed or spam")
    channel: str
    account: str
    requester: str = Field(description="the customer's address on the channel")
    requester_name: str = Field(description="as the customer wrote it: proves nothing")
    message_count: int
    created_at: datetime
    last_message_at: datetime
    live: bool = Field(default=False, description="a chat whose customer waits for an answer now")


class Participant(BaseModel):
    """Somebody who takes part."""

    address: str
    role: str


class TicketDetail(Ticket):
    """A ticket with what a listing leaves out. Its version is the ETag, too."""

    scope: str
    version: int = Field(description="rises with every event of the ticket")
    closed_at: datetime | None
    continues: Number | None = Field(description="the ticket that this one follows")
    continued_by: list[Number]
    merged_into: Number | None = Field(description="the ticket on which this one goes on")
    merged_at: datetime | None
    merged_from: list[Number]
    participants: list[Participant]


class ShownFile(BaseModel):
    """A file of a message. Fetched by its message and its place in the list."""

    name: str
    content_type: str = Field(description="as the sender named it: never trust it")
    size: int | None
    state: str = Field(description="stored, refused, pending or failed")
    reason: str
    sha256: str = Field(description="empty when its bytes are not stored")


class Repeat(BaseModel):
    """A delivery that was this message once more."""

    kind: str
    account: str
    received_at: datetime


class Recipient(BaseModel):
    """How far a message of ours has come to somebody."""

    address: str
    state: str
    code: str = ""
    reason: str = ""
    at: datetime | None = None


class Sending(BaseModel):
    """How far a message of ours has come."""

    state: str
    problem: str
    attempts: int
    due_at: datetime | None
    recipients: list[Recipient]


class Message(BaseModel):
    """A message on a ticket. HTML is never given: `text` is what the parser made of it."""

    id: int
    ticket: Number = Field(description="the ticket on which it stands; another one when that was merged into this")
    author: str = Field(description="customer, agent or system")
    visibility: str = Field(description="show customers public messages alone")
    direction: str
    kind: str
    account: str
    sender: str
    sender_name: str
    received_at: datetime
    sent_at: datetime | None
    subject: str
    text: str = Field(description="the first 128 KiB")
    text_sha256: str = Field(description="not empty: the whole text is longer; fetch it at `/messages/{id}/text`")
    files: list[ShownFile]
    automatic: str
    verdict: str = Field(description="what checking the sender came to")
    decision: dict[str, Any] = Field(description="why it stands there: rule, evidence, rejected candidates")
    repeats: list[Repeat]
    sending: Sending | None
    form: dict[str, str] = Field(description="what a form's link says: link, label, organisation, installation")
    contact: dict[str, str] = Field(description="what somebody says of themselves, such as email: proves nothing")


class Held(BaseModel):
    """A held message as a listing shows it."""

    id: int
    reason: str
    subject: str
    sender: str
    sender_name: str
    account: str
    channel: str
    received_at: datetime
    held_at: datetime
    age_seconds: int


class HeldDetail(Held):
    """A held message with what a listing leaves out."""

    explanation: str
    suggestions: list[dict[str, Any]] = Field(description="tickets to look at, the likeliest first")
    kind: str
    automatic: str
    verdict: str
    text: str
    text_sha256: str
    problem: str
    files: list[ShownFile]
