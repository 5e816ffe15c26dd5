"""What the API needs of other rooms; satisfied in `daemon`. Rows are plain JSON values, as `--json` prints them.

Whoever satisfies them raises `problems.NotThereError`, `RefusedError`, `UnavailableError`; what else is a bug.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from console.api.tokens import StoredToken

Row = Mapping[str, Any]
Accounts = Collection[str] | None
"""Accounts that may be seen; None: all of them."""


class Tokens(Protocol):
    """The tokens that were made."""

    async def find(self, prefix: str) -> StoredToken | None:
        """Give the token with this public part, also one that has ended."""
        ...

    async def used(self, token_id: int) -> None:
        """Note that it was used now."""
        ...

    async def still(self, token: StoredToken) -> bool:
        """Say whether it works still, with the same scopes and accounts."""
        ...


class Tickets(Protocol):
    """Tickets and their messages. What belongs to an account that may not be seen is as if it were not there."""

    async def page(
        self,
        accounts: Accounts,
        *,
        filters: Mapping[str, str | None],
        oldest_first: bool,
        after: str | None,
        limit: int,
    ) -> Sequence[Row]:
        """Give tickets after a row's `cursor`. Filters: status, account, channel, requester."""
        ...

    async def ticket(self, accounts: Accounts, number: str) -> Row:
        """Give one ticket without its messages."""
        ...

    async def messages(self, accounts: Accounts, number: str, *, after: str | None, limit: int) -> Sequence[Row]:
        """Give messages on a ticket and those merged into it, after a row's `cursor`."""
        ...

    async def message(self, accounts: Accounts, message_id: int) -> Row:
        """Give one message that stands on a ticket."""
        ...


class Before(Protocol):
    """What came under an idempotency key before. `status` None: it is still at work."""

    @property
    def request_hash(self) -> bytes: ...  # noqa: D102 - the names say it
    @property
    def status(self) -> int | None: ...  # noqa: D102 - see above
    @property
    def content_type(self) -> str: ...  # noqa: D102 - see above
    @property
    def body(self) -> bytes: ...  # noqa: D102 - see above


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The right to answer a request: `lease` is for whoever gave it."""

    lease: object


class Requests(Protocol):
    """Answers of requests that may come twice, and how much may be uploaded."""

    async def begin(self, token_id: int, key: str, *, request_hash: bytes) -> Claimed | Before:
        """Claim a key, or give what came under it before."""
        ...

    async def finish(self, claimed: Claimed, *, status: int, content_type: str, body: bytes) -> Before | None:
        """Keep the answer; what stands there instead when another worker has taken the key over meanwhile."""
        ...

    async def drop(self, claimed: Claimed) -> None:
        """Let the key be used again: nothing was done."""
        ...

    async def check_room(self, token_id: int, size: int) -> None:
        """Raise a problem when a token may not upload so many bytes now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for something, under which key, and for which version of the ticket (None: any)."""

    token: StoredToken
    key: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is to be said. `people` get a copy of a reply, or the note; `files` are uploads."""

    text: str = field(repr=False)
    people: Sequence[str] = ()
    everyone: bool = False
    files: Sequence[int] = ()


class Actions(Protocol):
    """What is done on tickets: the same as the command line does."""

    async def reply(self, asked: Asked, number: str, words: Words) -> Row:
        """Answer the customer."""
        ...

    async def note(self, asked: Asked, number: str, words: Words) -> Row:
        """Write what customers never see."""
        ...

    async def status(self, asked: Asked, number: str, target: str) -> None:
        """Close it, open it again (`open`), or call it spam."""
        ...

    async def merge(self, asked: Asked, number: str, into: str, *, different: bool) -> Row:
        """Let it go on as another one."""
        ...

    async def requester(self, asked: Asked, number: str, address: str, name: str) -> None:
        """Name its customer."""
        ...

    async def move(self, asked: Asked, message_id: int, to: str) -> Row:
        """Move a message to a ticket, to `new` or to `hold`."""
        ...


class Spool(Protocol):
    """Messages that wait for a person."""

    async def page(
        self, accounts: Accounts, *, filters: Mapping[str, str | None], after: str | None, limit: int
    ) -> Sequence[Row]:
        """Give held messages after a row's `cursor`. Filters: reason, account."""
        ...

    async def held(self, accounts: Accounts, message_id: int) -> Row:
        """Give one with its suggestions."""
        ...

    async def place(self, asked: Asked, message_id: int, action: str, number: str = "") -> Row:
        """Put it on a ticket (`link`), or `open`, `discard`, `release` it."""
        ...


class Files(Protocol):
    """Bytes of messages, and files for answers."""

    async def file(self, accounts: Accounts, message_id: int, place: int) -> tuple[str, AsyncIterator[bytes]]:
        """Give name and bytes of a stored file of a message."""
        ...

    async def text(self, accounts: Accounts, message_id: int) -> AsyncIterator[bytes]:
        """Give a message's whole text in UTF-8."""
        ...

    async def upload(self, token: StoredToken, *, name: str, content_type: str, content: bytes) -> Row:
        """Store a file for an answer."""
        ...


class Channels(Protocol):
    """The channels and their accounts."""

    async def all(self, accounts: Accounts) -> Sequence[Row]:
        """Give every channel with those of its accounts that may be seen, and how they are."""
        ...


class ShownEvent(Protocol):
    """An event of the feed."""

    @property
    def position(self) -> int: ...  # noqa: D102 - the names say it
    @property
    def type(self) -> str: ...  # noqa: D102 - see above
    @property
    def event(self) -> str: ...  # noqa: D102 - see above


class EventsPage(Protocol):
    """Some events, and the position after which the next ones come."""

    @property
    def events(self) -> Sequence[ShownEvent]: ...  # noqa: D102 - the names say it
    @property
    def position(self) -> int: ...  # noqa: D102 - see above


class Events(Protocol):
    """The feed of ticket events, numbered without gaps. What a token may not see is not in them."""

    async def start(self, accounts: Accounts, last: int | None) -> tuple[int, bool]:
        """Give where a reader begins whose last event was `last`, and whether it has missed something."""
        ...

    async def page(self, accounts: Accounts, position: int) -> EventsPage:
        """Give the next events that may be seen."""
        ...


class Webhooks(Protocol):
    """Endpoints that get events of these accounts and of no others; what else there is, is as if it were not there."""

    async def all(self, accounts: Accounts) -> Sequence[Row]:
        """Give them."""
        ...

    async def add(self, accounts: Accounts, wanted: Mapping[str, Any], *, token_id: int) -> Row:
        """Make one of url, name, accounts and types; give it with its `secret`."""
        ...

    async def show(self, accounts: Accounts, endpoint_id: int) -> Row:
        """Give one."""
        ...

    async def pause(self, accounts: Accounts, endpoint_id: int) -> Row:
        """Send it nothing for a while."""
        ...

    async def resume(self, accounts: Accounts, endpoint_id: int) -> Row:
        """Let it go on."""
        ...

    async def rotate(self, accounts: Accounts, endpoint_id: int, overlap_hours: float) -> str:
        """Give a new secret."""
        ...

    async def remove(self, accounts: Accounts, endpoint_id: int) -> None:
        """Remove it."""
        ...

    async def test(self, accounts: Accounts, endpoint_id: int) -> Row:
        """Send an event that is about nothing, and give its dispatch."""
        ...

    async def log(
        self, accounts: Accounts, endpoint_id: int, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[Row]:
        """Give dispatches, the newest first, after a row's `cursor`."""
        ...

    async def dispatch(self, accounts: Accounts, endpoint_id: int, dispatch_id: int) -> Row:
        """Give one with its `tries`."""
        ...

    async def resend(self, accounts: Accounts, endpoint_id: int, dispatch_id: int) -> Row:
        """Send it again, and give it."""
        ...
