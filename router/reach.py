"""What whoever acts may reach, as the desk asks it: met by `router.expected`."""

from typing import Protocol

from router.view import Ticket, View


class Reach(Protocol):
    """What who asks may reach."""

    def check_other(self, view: View, ticket: Ticket) -> None:
        """Raise for a locked ticket that may not be seen, or goes on as such a one."""
        ...

    def reaches(self, account: str) -> bool:
        """Say whether an account may be seen."""
        ...
