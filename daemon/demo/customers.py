"""Customers of the demo: who writes on which channel, and what the other side saw of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

Account = Mapping[str, str]
"""Keys of an account in the settings, as environment variables name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The answer as the other side got it: its text, and what that side says of it."""

    text: str
    seen: str


class Customer(Protocol):
    """Somebody on one channel.

    `account` is the one of ours to which they write, `state` what the ticket says of the answer in the end.
    """

    channel: str
    account: str
    name: str
    words: str
    state: str

    def settings(self) -> Account:
        """Give the account's settings."""

    def is_reachable(self) -> bool:
        """Whether the platform knows where to bring deliveries."""

    def write(self, intake: str) -> None:
        """Write; returns when the platform has heard yes. `intake` is where our listener is. Raises `UserError`."""

    def heard(self) -> Heard | None:
        """Give our answer, once it has come."""


ANSWERS: Final[Mapping[str, str]] = {
    "mail": "It left our warehouse this morning.",
    "telegram": "Welcome back! Which order is it?",
    "viber": "Він буде завтра до полудня.",
    "vk": "Завтра в девять.",
    "webchat": "Yes, until the end of the month.",
    "webform": "A technician comes on Monday.",
    "api": "The carrier tries again tomorrow.",
}
"""What the agent answers, by channel."""
