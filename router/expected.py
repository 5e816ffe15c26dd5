"""What somebody who acts on a ticket has seen of it and may reach: looked at under the ticket's lock, never before."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from router.desk import DeskError, NoSuchTicketError
from router.view import Ticket, View
from schemas.numbers import shown


class OutOfReachError(DeskError):
    """It would lead to an account that may not be seen."""


class ChangedError(DeskError):
    """The ticket is not what was seen; `version` is the one at which it is."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the ticket is at version {version} now: read it again")
        self.version = version


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """`version` None: whatever it is. `accounts` None: all of them may be reached."""

    version: int | None = None
    accounts: Collection[str] | None = None

    def check(self, view: View, ticket: Ticket) -> None:
        """Look at a locked ticket, and at those on which it goes on.

        Raises `NoSuchTicketError` for one that may not be seen, `OutOfReachError` when it goes on as such a one, and
        `ChangedError`.
        """
        if not self.reaches(ticket.account):
            raise no_such_ticket(ticket.number)
        if not all(self.reaches(other.account) for other in view.onward(ticket)):
            raise OutOfReachError("the ticket goes on as one that may not be seen")
        if self.version is not None and ticket.version != self.version:
            raise ChangedError(ticket.version)

    def check_other(self, view: View, ticket: Ticket) -> None:
        """Look at a locked ticket to which something leads: its version is nobody's concern. Raises as `check`."""
        Expected(accounts=self.accounts).check(view, ticket)

    def reaches(self, account: str) -> bool:
        """Say whether an account may be seen."""
        return self.accounts is None or account in self.accounts


ANY: Final = Expected()
"""For operators: everything may be reached, at every version."""


def no_such_ticket(number: str) -> NoSuchTicketError:
    """Make the error for a number that no ticket has."""
    return NoSuchTicketError(f"there is no ticket {shown(number)}: `switchboard tickets list` shows which there are")
