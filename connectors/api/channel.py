"""The api channel: other systems bring messages by signed requests."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connectors.api import normalize as reading
from connectors.api.settings import ApiAccountSettings, key_of
from connectors.api.signature import ID, check, check_time, signed_headers
from connectors.base import Account, Answer, Delivery, Normalized
from connectors.making import invalid_only, undecodable
from schemas.message import InboundMessage


class ApiConnector:
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
        headers = signed_headers(delivery.raw, key=self._keys[0], request=request, at=delivery.received_at)
        return replace(delivery, headers={**delivery.headers, **headers})


def connect(*, account: Account, settings: ApiAccountSettings) -> ApiConnector:
    """Make what serves one account."""
    return ApiConnector(account=account, settings=settings)
