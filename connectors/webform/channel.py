"""A web form: requests in, lines of their dialogues out."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.base import Account, Delivery, Normalized, RefusedError, RoutesDesk
from connectors.dialogue import Dialogues
from connectors.making import invalid_only, undecodable
from connectors.page_sender import PageSender
from connectors.page_tokens import Tokens
from connectors.sending import ChatLetter, Part, Sent
from connectors.webform.links import Handed
from connectors.webform.normalize import NORMALIZER_VERSION, normalize
from connectors.webform.settings import WebformAccountSettings
from schemas.message import InboundMessage

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


def connect(*, account: Account, settings: WebformAccountSettings) -> "WebformChannel":
    """Make the connector of one form."""
    return WebformChannel(account=account, settings=settings)


class WebformChannel:
    """Meets `Routes`, `Paged`, `GivesLinks` and `Sender` of the channel contract."""

    pace = PageSender.pace
    echo_seconds = PageSender.echo_seconds

    def __init__(self, *, account: Account, settings: WebformAccountSettings) -> None:
        self.account = account
        self._settings = settings
        self._tokens = Tokens(secret=settings.secret.get_secret_value(), account=account.name)
        life = timedelta(days=settings.dialogue_days)
        self._handed = Handed(tokens=self._tokens, dialogue_life=life)
        self._sender = PageSender(account=account, life=life)
        self._dialogues: Dialogues | None = None

    def use(self, dialogues: Dialogues) -> None:
        """Take the dialogues of the store."""
        self._dialogues = dialogues

    def link_path(self, link_id: str) -> str:
        """Give the path of a link, signed."""
        return f"/f/{self._handed.link(link_id)}"

    def authenticate(self, delivery: Delivery) -> None:
        """Take what our own routes made, which proved link or dialogue, and nothing else."""
        if delivery.intake != "form":
            raise RefusedError("a form comes by its own routes alone")

    def normalize(self, delivery: Delivery) -> Normalized:
        """Make the message of one request."""
        return invalid_only(normalize, delivery)

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        """Make the record of what cannot be read."""
        return undecodable(delivery, reason, version=NORMALIZER_VERSION)

    def routes(self, desk: RoutesDesk) -> "Sequence[BaseRoute]":
        """Give the pages, the endpoint, and the way of files."""
        from connectors.webform.routes import FormMeans, form_routes  # noqa: PLC0415 - only ingest needs Starlette

        if self._dialogues is None:
            raise RuntimeError("routes before dialogues")
        means = FormMeans(
            account=self.account,
            settings=self._settings,
            desk=desk,
            dialogues=self._dialogues,
            tokens=self._tokens,
            handed=self._handed,
        )
        return form_routes(means)

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        """Make lines of what goes into one dialogue."""
        return self._sender.split(letter)

    async def send(self, part: Part, *, content: bytes | None, link: str) -> Sent:
        """Keep one line; pages that are open get it at once, others when they come back."""
        del content, link
        return await self._sender.send(part, self._dialogues)
