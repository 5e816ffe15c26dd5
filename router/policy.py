"""What an account wants done with its messages: data, made by the daemon from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from router.legacy_desk import LegacyDesk
from router.notice_policy import NoticePolicy
from schemas.message import Result


class SenderMatch(StrEnum):
    """Whose mail may join an open ticket by sender and subject alone, or by an id that was only quoted."""

    VERIFIED = "verified"
    ANY = "any"
    OFF = "off"


class Otherwise(StrEnum):
    """What happens to a message that would open a ticket without being a plain new request."""

    HOLD = "hold"
    NEW = "new"


class Takes(StrEnum):
    """Which messages an account is for."""

    ALL = "all"
    REPLIES = "replies"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPolicy:
    """Choices of one account. A stranger's reply is always held.

    `sender_window` counts from a ticket's last message to the new one's received time, `reopen_window` from closing.
    `automatic` says whether automatic mail that belongs to no ticket and answers nothing may open one.
    """

    sender_match: SenderMatch = SenderMatch.VERIFIED
    sender_window: timedelta = timedelta(days=7)
    reopen_window: timedelta = timedelta(days=14)
    unmatched: Otherwise = Otherwise.HOLD
    automatic: Otherwise = Otherwise.HOLD
    takes: Takes = Takes.ALL
    notices: NoticePolicy = field(default_factory=NoticePolicy)

    def trusts(self, result: Result) -> bool:
        """Whether this outcome of the sender's check shows that the sender is who it says; a failed one never does."""
        if result is Result.FAIL:
            return False
        return result is Result.PASS or self.sender_match is SenderMatch.ANY


def _no_accounts() -> Mapping[str, AccountPolicy]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Policies of all accounts, and the addresses that are our own: they take part in no ticket.

    `legacy` holds the help desks that were used before.
    """

    accounts: Mapping[str, AccountPolicy] = field(default_factory=_no_accounts)
    own_addresses: frozenset[str] = frozenset()
    default: AccountPolicy = AccountPolicy()
    legacy: tuple[LegacyDesk, ...] = ()

    def of(self, account: str) -> AccountPolicy:
        """Give the account's policy; an account that left the settings keeps the default one."""
        return self.accounts.get(account, self.default)

    def is_ours(self, address: str) -> bool:
        """Say whether this is an address of one of our accounts."""
        return address in self.own_addresses
