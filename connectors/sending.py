"""The contract of the way back: what goes to a conversation, in pieces that its platform takes, and what it answers.

A text that says why something was not sent is for people, and holds no secret, no URL and no message text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from connectors.base import Connector


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Where a file lies. The URL may hold a secret: it is never logged, stored or shown.

    `hosts` are the only hosts (exact, or `.example.org` for all below) from which this channel takes files. `base_url`
    is set where the configuration names another server (a double): then its scheme, host and port are allowed, too.
    """

    url: str = field(repr=False)
    hosts: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    base_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPace:
    """How fast a platform takes messages: over the account, and to one conversation. None: no limit is known."""

    account_per_second: float | None = None
    chat_every: timedelta | None = None
    group_every: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFile:
    """A file that goes out."""

    name: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatLetter:
    """What goes to one conversation. `to` is the platform's chat id; `text` is plain text with LF line ends.

    `answers` is the platform's own id of the message that it answers, or empty. `number` is ours and never changes.
    """

    number: int
    to: str
    text: str
    files: Sequence[ChatFile] = ()
    answers: str = ""
    is_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One call to the platform. `echo` names it at the platform where that allows (VK's random_id), else empty.

    `payload` is JSON and holds what `send` needs beside the file's bytes; it is stored before the first try, so that a
    part that was sent is not made anew by a later version. `album` are the files of a part with several; such a
    part has no `file`, and its channel is an `AlbumSender`.
    """

    index: int
    to: str
    payload: Mapping[str, Any]
    file: ChatFile | None = None
    album: Sequence[ChatFile] = ()
    echo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the platform answered. `platform_id` is its id of the message, written as in `ThreadId.shown`'s last part.

    `moved_to` is the new id of a conversation that the platform moved. `also` are its other ids, where one part became
    several messages. `refused` names the files that the platform did not take while the rest of the part arrived, each
    with the reason. `pause` is what it asked for when the rest had arrived.
    """

    platform_id: str = ""
    at: datetime | None = None
    moved_to: str = ""
    also: Sequence[str] = ()
    refused: Sequence[str] = ()
    pause: timedelta | None = None


class SendError(Exception):
    """A part that was not sent."""


class CannotSendError(SendError):
    """It can never be sent on this channel as it is."""


class SendLaterError(SendError):
    """Not now. `after` is what the platform asked for, if it did; `unsure`: it may have arrived (a timeout)."""

    def __init__(self, reason: str, *, after: timedelta | None = None, unsure: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.unsure = unsure


class SendFailedError(SendError):
    """The platform refused it for good; `code` is its own."""

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.code = code


class GoneError(SendFailedError):
    """The person cannot be reached any more; `state` is blocked, denied, unsubscribed or gone."""

    def __init__(self, state: str, reason: str, *, code: str = "") -> None:
        super().__init__(reason, code=code)
        self.state = state


class ChannelDownError(SendError):
    """The platform as a whole cannot be reached now (connection refused, 5xx, bad token): nothing else goes, too."""


@runtime_checkable
class Sender(Connector, Protocol):
    """Replies go back on it."""

    pace: SendPace

    @property
    def echo_seconds(self) -> float | None:
        """How long after a call its platform surely knows the same `Part.echo` again; None: for ever."""
        ...

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        """Cut what goes to one conversation into what the platform takes. Pure; raises `CannotSendError`."""
        ...

    async def send(self, part: Part, *, content: bytes | None, link: str) -> Sent:
        """Send one part. `content` and `link` (https, signed, expires) are those of its file, if it has one.

        Raises `SendLaterError`, `SendFailedError`, `GoneError`, `ChannelDownError`.
        """
        ...


@runtime_checkable
class AlbumSender(Sender, Protocol):
    """Several files go in one part."""

    async def send_album(self, part: Part, *, contents: Sequence[bytes]) -> Sent:
        """Send a part with an album; `contents` are the bytes of its files, in their order. Raises as `send` does.

        A file that the platform refuses holds up neither the others nor the words with them: `Sent.refused` names it.
        """
        ...


@runtime_checkable
class Collected(Connector, Protocol):
    """No call is made on it: its other side collects what we say from ticket events, as `collected` says for people."""

    collected: str

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        """Cut what goes to one conversation; see `Sender`."""
        ...


@runtime_checkable
class Invites(Connector, Protocol):
    """A link leads into its chat, and carries something along."""

    async def deep_link(self, proof: str) -> str:
        """Give the link that brings this proof (`schemas.proofs`) when somebody follows it. Raises `LaterError`.

        It may ask the platform how the account is called there. Whoever has the link has the proof.
        """
        ...


@runtime_checkable
class Fetcher(Connector, Protocol):
    """Its files are fetched after the message was stored."""

    async def locate(self, raw: bytes, platform_id: str) -> Remote:
        """Say where the bytes of a pending file lie now, from the raw delivery and the platform's API.

        Raises `SendLaterError` (ask again later) and `SendFailedError` (never to be had; its text is for people).
        """
        ...
