"""The contract of a channel: deliveries in, messages on the topic, "yes" to the platform only after the store.

`connectors/<channel>/channel.py` holds `connect(*, account, settings)`, which gives an object with the methods of those
parts that the channel needs; the daemon asks with `isinstance`. `docs/specs/connector.md` says what each part MUST do.

    Connector   authenticates and normalizes a delivery: every channel
    Push        its platform calls us, at /in/<channel>/<account> of the intake's HTTP listener
    Poll        we ask its platform
    Screens     some of its proof stands in the headers: forgeries are refused before their body is read
    Routes      it has HTTP routes or WebSockets of its own, under /<channel>/<account>
    Registers   its platform must be told where to call
    Signs       its proof can be made: for replays and tests
    Redacts     its platform writes the secret into the body
    Closing     it holds connections
    Sender      replies go back on it               (connectors/sending.py)
    Fetcher     its files lie at the platform, and are fetched after the message was stored (connectors/sending.py)

    delivery --authenticate--> raw bytes kept --normalize (pure)--> assess --publish--> only now say yes

Errors, and what an intake answers:

    InvalidDeliveryError   the delivery's own fault, for ever: an `undecodable` record is published, the answer is yes
    LaterError             ours, for now: bus or blob store down, disk nearly full, stopping; the answer is "later"
    RefusedError           not accepted at all and nothing stored: unknown recipient, bad signature, over the size limit
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from schemas.message import BlobRef, InboundMessage

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


class DeliveryError(Exception):
    """A delivery that did not become a message."""


class InvalidDeliveryError(DeliveryError):
    """The bytes can never be decoded. `reason` is for people and holds no message text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LaterError(DeliveryError):
    """Nothing was acknowledged; the platform shall try again."""


class RefusedError(DeliveryError):
    """Refused before anything was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One configured instance of a channel, as connectors see it."""

    name: str
    channel: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a platform hands us, before anyone looked inside.

    One delivery is for one account: a mail for three accounts is three deliveries that share `raw`.
    """

    account: Account
    raw: bytes
    received_at: datetime
    intake: str
    peer: str = ""
    mail_from: str = ""
    rcpt_to: tuple[str, ...] = ()
    helo: str = ""
    tls: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalized:
    """A message and the blobs that it names; the blobs are stored before the message is published."""

    message: InboundMessage
    blobs: tuple[bytes, ...] = ()


class BlobWriter(Protocol):
    """What a connector needs of the blob store. Satisfied in `daemon/wiring.py`."""

    async def put(self, content: bytes) -> BlobRef:
        """Store durably (file and folder synced) and renew the age of what is already there.

        Raises `OSError` when it cannot; concurrent puts share syncs.
        """
        ...

    async def put_many(self, contents: Sequence[bytes]) -> Sequence[BlobRef]:
        """Store several as `put` does, in the order given; when one fails, the others may be stored all the same."""


class MessageSink(Protocol):
    """Takes messages to the topic. Satisfied in `daemon/wiring.py` by the bus."""

    async def publish(self, messages: Sequence[InboundMessage]) -> None:
        """Store one record a message; when it returns, all are stored. Raises `LaterError` otherwise.

        `InvalidDeliveryError` says that the log will never take one of them (over its size limit); some may be stored.
        """
        ...


class Door(Protocol):
    """Says whether new work may come in."""

    def check(self) -> None:
        """Raise `LaterError` while stopping, while the disk is nearly full, or while routing lags too far."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a platform hears."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Connector(Protocol):
    """One account of a channel. `normalize` is pure; nothing here waits."""

    account: Account

    def authenticate(self, delivery: Delivery) -> None:
        """Prove over the raw bytes, in constant time, that the platform sent it. Raises `RefusedError`."""
        ...

    def normalize(self, delivery: Delivery) -> Normalized:
        """Make the message. Same input, same output; raises `InvalidDeliveryError` and nothing else."""
        ...

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        """Make the record for a delivery that cannot be read; its delivery key stays the same over retries."""
        ...


@runtime_checkable
class Push(Connector, Protocol):
    """Its platform calls us."""

    yes: Answer
    """What the platform hears after the store."""

    def handshake(self, delivery: Delivery) -> Answer | None:
        """Answer what asks for no store (a confirmation, a test call), after `authenticate`; None for all else."""
        ...


@runtime_checkable
class Screens(Connector, Protocol):
    """Some of its proof stands in the headers."""

    def screen(self, headers: Mapping[str, str], *, at: datetime) -> None:
        """Refuse by the headers alone, before the body is read, what `authenticate` would refuse whatever the body is.

        `headers` are by lower-case name, `at` is the time. Raises `RefusedError`.
        """
        ...


class PollDesk(Protocol):
    """What a poller has of the daemon."""

    def now(self) -> datetime:
        """Tell the time, with a zone."""
        ...

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Store them all; only then may the cursor move. Raises `LaterError`."""
        ...

    async def load_cursor(self) -> Mapping[str, Any]:
        """Read where the account stands; empty at the first start. Raises `LaterError`."""
        ...

    async def save_cursor(self, cursor: Mapping[str, Any]) -> None:
        """Keep where the account stands, durably. Raises `LaterError`."""
        ...

    def well(self) -> None:
        """Say that a round with the platform has just finished."""

    def trouble(self, problem: str) -> None:
        """Say what is wrong, for operators: no secret, no message text. Shown until `well`."""


@runtime_checkable
class Poll(Connector, Protocol):
    """We ask its platform."""

    async def poll(self, desk: PollDesk) -> None:
        """Ask until cancelled; one process of the deployment does so at a time. Backs off by itself.

        What it raises is logged by its type, and it is started again with a growing pause.
        """
        ...


class RoutesDesk(Protocol):
    """What a channel's own routes have of the daemon."""

    url: str
    """Where these routes are seen from outside: public URL, channel and account, without a slash at the end."""

    def now(self) -> datetime:
        """Tell the time, with a zone."""

    def check(self) -> None:
        """Raise `LaterError` while nothing is taken, or while this account has too much in flight."""

    async def accept(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        """Store them all and give their delivery keys; only then may anybody hear yes. Raises `LaterError`."""

    async def put(self, content: bytes) -> BlobRef:
        """Store a file that came before its message. Raises `LaterError`."""

    def hold(self) -> AbstractContextManager[Callable[[int], None]]:
        """Begin to take a file; what it gives hears the bytes of every piece, and raises `LaterError` for too many."""

    def refused(self, reason: str) -> None:
        """Count what was not accepted; `reason` is a word of ours such as `forged`, never what a client sent."""

    def well(self) -> None:
        """Say that all is well again."""

    def trouble(self, problem: str) -> None:
        """Say what is wrong, for operators: no secret, no message text. Shown until `well`."""


@runtime_checkable
class Routes(Connector, Protocol):
    """It has HTTP routes or WebSockets of its own: a chat, a form."""

    def routes(self, desk: RoutesDesk) -> "Sequence[BaseRoute]":
        """Give Starlette routes with paths under `/<channel>/<account>`. Asked once, at the start of the listener.

        They authenticate by themselves, read bounded bodies, and answer 503 with Retry-After to `LaterError`.
        """
        ...


@runtime_checkable
class Registers(Push, Protocol):
    """Its platform must be told where to call."""

    async def register(self, url: str) -> None:
        """Tell the platform to call this URL; the same again changes nothing. Our listener answers already.

        Called at every start where `intake.public_url` is set, until it succeeds. Raises `LaterError`, and
        `RefusedError` for what people must mend; what both say is shown to operators.
        """
        ...


@runtime_checkable
class Signs(Connector, Protocol):
    """Its proof can be made with what the account knows: replays of recorded deliveries are signed so."""

    def sign(self, delivery: Delivery) -> Delivery:
        """Give the delivery as its platform would send it at `received_at`, with the header or field of the proof."""
        ...


@runtime_checkable
class Redacts(Connector, Protocol):
    """Its platform writes the secret into the body."""

    def redacted(self, delivery: Delivery) -> Delivery:
        """Give what may be kept, after `authenticate`: the same without the secret. `normalize` gets only this one."""
        ...


@runtime_checkable
class Closing(Protocol):
    """A connector that holds connections."""

    async def close(self) -> None:
        """Let them go; called once, when nothing else runs."""
