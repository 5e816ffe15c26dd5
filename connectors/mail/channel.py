"""The mail channel under the contract of all channels. Its listener is shared by all mail accounts, and made apart."""

from connectors.base import Account, Delivery, Normalized
from connectors.mail.normalize import normalize, undecodable
from connectors.mail.settings import MailAccountSettings
from schemas.message import InboundMessage


class MailConnector:
    """One mailbox. The daemon runs large and suspicious mail through `MailNormalizer` instead, with the same result."""

    def __init__(self, *, account: Account) -> None:
        self.account = account

    def authenticate(self, delivery: Delivery) -> None:
        """Refuse nothing: anybody may send mail; who a sender really is, is assessed afterwards."""

    def normalize(self, delivery: Delivery) -> Normalized:
        """Make the message of a mail."""
        return normalize(delivery)

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        """Make the record of a mail that cannot be read."""
        return undecodable(delivery, reason)


def connect(*, account: Account, settings: MailAccountSettings) -> MailConnector:
    """Make what reads the mail of one account."""
    del settings  # recipients are matched by the listener
    return MailConnector(account=account)
