"""A web chat: sockets in, lines out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.base import Account, Delivery, Normalized, RefusedError, RoutesDesk
from connectors.dialogue import Dialogues
from connectors.making import invalid_only, undecodable
from connectors.page_sender import PageSender
from connectors.sending import ChatLetter, Part, Sent
from connectors.webchat.normalize import NORMALIZER_VERSION, normalize
from connectors.webchat.settings import WebchatAccountSettings
from schemas.message import InboundMessage

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


def connect(*, account: Account, settings: WebchatAccountSettings) -> "WebchatChannel":
    """Make the connector of one chat."""
    return WebchatChannel(account=account, settings=settings)


class WebchatChannel:
    """Meets `Routes`, `Paged` and `Sender` of the channel contract."""

    pace = PageSender.pace
    echo_seconds = PageSender.echo_seconds

    def __init__(self, *, account: Account, settings: WebchatAccountSettings) -> None:
        self.account = account
        self._settings = settings
        self._sender = PageSender(account=account)
        self._dialogues: Dialogues | None = None

    def use(self, dialogues: Dialogues) -> None:
        """Take the dialogues of the store."""
        self._dialogues = dialogues

    def authenticate(self, delivery: Delivery) -> None:
        """Take what our own socket made, which proved the visitor, and nothing else."""
        if delivery.intake != "socket":
            raise RefusedError("a chat comes by its socket alone")

    def normalize(self, delivery: Delivery) -> Normalized:
        """Make the message of one frame."""
        return invalid_only(normalize, delivery)

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        """Make the record of what cannot be read."""
        return undecodable(delivery, reason, version=NORMALIZER_VERSION)

    def routes(self, desk: RoutesDesk) -> "Sequence[BaseRoute]":
        """Give the widget, the socket, and the way of files."""
        from connectors.webchat.routes import chat_routes  # noqa: PLC0415 - only ingest needs Starlette

        if self._dialogues is None:
            raise RuntimeError("routes before dialogues")
        return chat_routes(self.account, self._settings, desk, self._dialogues)

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        """Make lines of what goes to one visitor."""
        return self._sender.split(letter)

    async def send(self, part: Part, *, content: bytes | None, link: str) -> Sent:
        """Keep one line; pages that are open get it at once, others when they come back."""
        del content, link
        return await self._sender.send(part, self._dialogues)
