"""Which addresses of an account a mail was sent to, where no SMTP session said it: as its header tells."""

from collections.abc import Iterator

from connectors.base import Account
from connectors.mail.addresses import addresses_of
from connectors.mail.fields import Head
from connectors.mail.normalize import safe_head
from connectors.mail.smtp_address import AccountDirectory

FIELDS = ("delivered-to", "x-original-to", "envelope-to", "to", "cc")
"""Where servers note the envelope's recipient (none of them is a standard's), and whom the sender named."""


def recipients_in(raw: bytes, *, account: Account, directory: AccountDirectory) -> tuple[str, ...]:
    """Give the account's own addresses among those that the header names, each once; none where it names none.

    Without them an address of ours would be a participant of its own tickets. What carries a token (RFC 5233
    subaddresses) is left out: in a header it proves less than in an envelope.
    """
    head = safe_head(raw)
    found = (one for one in _named(head) if "+" not in one and directory.find(one) == account)
    return tuple(dict.fromkeys(found))


def _named(head: Head) -> Iterator[str]:
    for field in FIELDS:
        yield from (address.address for address in addresses_of(head, field))
