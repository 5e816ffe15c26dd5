"""The api channel: other systems bring messages by signed requests, and hear answers by a callback or an event."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.api import normalize as reading
from connectors.api.callback import Callback
from connectors.api.letters import split
from connectors.api.settings import ApiAccountSettings, key_of
from connectors.api.signature import ID, check, check_time, signed_headers
from connectors.base import Account, Answer, Delivery, Normalized
from connectors.making import invalid_only, undecodable
from connectors.sending import ChatLetter, Part, SendPace, Sent
from schemas.message import InboundMessage

if TYPE_CHECKING:
    from connectors.posting import Clock, Posts


class _System:
    """One system that sends us messages. Meets `Push` and `Signs`."""

    yes = Answer(status=202, body=b'{"stored":true}\n', content_type="application/json")

    def __init__(self, *, account: Account, settings: ApiAccountSettings) -> None:
        self.account = account
        secrets = (settings.secret, settings.old_secret)
        self._keys = [key_of(secret) for secret in secrets if secret is not None]
        self._tolerance = settings.tolerance_seconds

    def authenticate(self, delivery: Delivery) -> None:
        """Check the signature over id, time and body."""
        check(
            delivery.raw,
            delivery.headers,
            keys=self._keys,
            at=delivery.received_at,
            tolerance_seconds=self._tolerance,
        )

    def screen(self, headers: Mapping[str, str], *, at: datetime) -> None:
        """Ask for a signature of now."""
        check_time(headers, at=at, tolerance_seconds=self._tolerance)

    def handshake(self, delivery: Delivery) -> Answer | None:
        """Answer nothing: every request is a message."""
        del delivery
        return None

    def normalize(self, delivery: Delivery) -> Normalized:
        """Make the message."""
        return invalid_only(reading.normalize, delivery)

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        """Make the record of a request that cannot be read; the same id, mended, is another delivery."""
        return undecodable(delivery, reason, version=reading.VERSION)

    def sign(self, delivery: Delivery) -> Delivery:
        """Sign as a caller does."""
        request = delivery.headers.get(ID, "replayed")
        headers = signed_headers(delivery.raw, keys=self._keys[:1], request=request, at=delivery.received_at)
        return replace(delivery, headers={**delivery.headers, **headers})

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        """Cut what goes to one conversation into requests."""
        return split(letter)


class ApiConnector(_System):
    """A system that collects our answers by itself. Meets `Collected`, too."""

    collected = "the other system collects it from ticket events or the HTTP API"


class ApiCallback(_System):
    """A system that is called back. Meets `Sender` and `CallsBack`, too."""

    pace = SendPace()
    echo_seconds = 24 * 3600.0
    """How long we ask receivers to remember ids (docs/how-to/send-by-api.md)."""

    def __init__(self, *, account: Account, settings: ApiAccountSettings) -> None:
        super().__init__(account=account, settings=settings)
        self._callback = Callback(url=settings.callback_url, keys=self._keys)

    def use_poster(self, poster: "Posts", clock: "Clock", *, instance: str) -> None:
        """Call with this one from now on."""
        self._callback.use(poster, clock, instance=instance)

    async def send(self, part: Part, *, content: bytes | None, link: str) -> Sent:
        """Post one part; a file goes as a link."""
        del content
        return await self._callback.call(part, link=link)


def connect(*, account: Account, settings: ApiAccountSettings) -> ApiConnector | ApiCallback:
    """Make what serves one account."""
    kind = ApiCallback if settings.callback_url else ApiConnector
    return kind(account=account, settings=settings)
