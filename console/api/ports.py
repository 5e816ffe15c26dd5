"""What the API needs of other rooms; satisfied in `daemon`. Rows are plain JSON values, as `--json` prints them.

Whoever satisfies them raises `problems.NotThereError`, `RefusedError`, `UnavailableError`; what else is a bug.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from console.api.tokens import StoredToken

Row = Mapping[str, Any]
Accounts = Collection[str] | None
"""Accounts that may be seen; None: all of them."""


class Tokens(Protocol):
    """The tokens that were made."""

    async def find(self, prefix: str) -> StoredToken | None:
        """Give the token with this public part, also one that has ended."""
        ...

    async def used(self, token_id: int) -> None:
        """Note that it was used now."""
        ...


class Tickets(Protocol):
    """Tickets and their messages. What belongs to an account that may not be seen is as if it were not there."""

    async def page(
        self,
        accounts: Accounts,
        *,
        filters: Mapping[str, str | None],
        oldest_first: bool,
        after: str | None,
        limit: int,
    ) -> Sequence[Row]:
        """Give tickets after a row's `cursor`. Filters: status, account, channel, requester."""
        ...

    async def ticket(self, accounts: Accounts, number: str) -> Row:
        """Give one ticket without its messages."""
        ...

    async def messages(self, accounts: Accounts, number: str, *, after: str | None, limit: int) -> Sequence[Row]:
        """Give messages on a ticket and those merged into it, after a row's `cursor`."""
        ...

    async def message(self, accounts: Accounts, message_id: int) -> Row:
        """Give one message that stands on a ticket."""
        ...
