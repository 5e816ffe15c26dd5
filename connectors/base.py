"""The contract of a channel: deliveries in, messages on the topic, "yes" to the platform only after the store.

    delivery --authenticate--> raw bytes kept --normalize (pure)--> assess --publish--> only now say yes

Errors, and what an intake answers:

    InvalidDeliveryError   the delivery's own fault, for ever: an `undecodable` record is published, the answer is yes
    LaterError             ours, for now: bus or blob store down, disk nearly full, stopping; the answer is "later"
    RefusedError           not accepted at all and nothing stored: unknown recipient, bad signature, over the size limit
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from schemas.message import BlobRef, InboundMessage


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
