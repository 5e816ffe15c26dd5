"""What the listener does with a mail: one delivery for each account among its recipients, stored before the 250."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from connectors.base import Account, Delivery


class Directory(Protocol):
    """Knows whose an address is."""

    def find(self, address: str) -> Account | None:
        """Give the account of a recipient, None when it is nobody's."""


class Accepts(Protocol):
    """The intake pipeline, as the listener sees it."""

    def check(self) -> None:
        """Raise `LaterError` while no mail is taken."""

    async def accept(self, deliveries: tuple[Delivery, ...]) -> tuple[str, ...]:
        """Store all and give their delivery keys, or raise `LaterError`."""


@dataclass(slots=True, kw_only=True)
class Mail:
    """A mail on its way in: who hands it over, for whom."""

    peer: str
    helo: str
    tls: bool
    mail_from: str
    recipients: list[tuple[str, Account]] = field(default_factory=list)


class MailHandler:
    """Joins listener, directory and intake. `clock` gives the time of receipt, aware."""

    def __init__(self, *, directory: Directory, intake: Accepts, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._intake = intake
        self._clock = clock

    def account(self, address: str) -> Account | None:
        """Give the account of a recipient, None when it is nobody's."""
        return self._directory.find(address)

    def check(self) -> None:
        """Raise `LaterError` while no mail is taken, so that nobody sends a large one in vain."""
        self._intake.check()

    async def store(self, mail: Mail, raw: bytes) -> str:
        """Store the mail once for each account and give the first delivery key. Raises `LaterError`."""
        keys = await self._intake.accept(tuple(self._deliveries(mail, raw)))
        return keys[0]

    def _deliveries(self, mail: Mail, raw: bytes) -> list[Delivery]:
        received_at = self._clock()
        addresses: dict[str, tuple[Account, list[str]]] = {}
        for address, account in mail.recipients:
            addresses.setdefault(account.name, (account, []))[1].append(address)
        return [
            Delivery(
                account=account,
                raw=raw,
                received_at=received_at,
                intake="smtp",
                peer=mail.peer,
                mail_from=mail.mail_from,
                rcpt_to=tuple(dict.fromkeys(of_account)),
                helo=mail.helo,
                tls=mail.tls,
            )
            for account, of_account in addresses.values()
        ]
