"""What an account wants done with its messages: data, made by the daemon from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

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


class Strangers(StrEnum):
    """What happens to an answer on a ticket by somebody who takes no part in it."""

    HOLD = "hold"
    ATTACH = "attach"


class Takes(StrEnum):
    """Which messages an account is for."""

    ALL = "all"
    REPLIES = "replies"


IDLE: Final[Mapping[str, timedelta]] = MappingProxyType(
    {"webchat": timedelta(hours=24), "webform": timedelta(days=14), "api": timedelta(days=14)}
)
USUAL_IDLE: Final = timedelta(days=3)
"""For how long after closing a conversation's next message opens its ticket again, by channel; messengers: 3 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPolicy:
    """Choices of one account.

    `sender_window` counts from a ticket's last message to the new one's received time, `reopen_window` from closing.
    `automatic` says whether automatic mail that belongs to no ticket and answers nothing may open one. `strangers`
    attached are shown to agents alone, as nobody's proven words. `idle_window` counts from closing, in conversations;
    None: the channel's own. A live chat that no agent answers for `live_for` becomes a ticket like others.
    """

    sender_match: SenderMatch = SenderMatch.VERIFIED
    sender_window: timedelta = timedelta(days=7)
    reopen_window: timedelta = timedelta(days=14)
    unmatched: Otherwise = Otherwise.HOLD
    automatic: Otherwise = Otherwise.HOLD
    takes: Takes = Takes.ALL
    notices: NoticePolicy = field(default_factory=NoticePolicy)
    strangers: Strangers = Strangers.HOLD
    idle_window: timedelta | None = None
    live_for: timedelta = timedelta(minutes=10)

    def idle_for(self, channel: str) -> timedelta:
        """Give for how long after closing a message in a conversation opens its ticket again."""
        return IDLE.get(channel, USUAL_IDLE) if self.idle_window is None else self.idle_window

    def trusts(self, result: Result) -> bool:
        """Whether this outcome of the sender's check shows that the sender is who it says; a failed one never does."""
        if result is Result.FAIL:
            return False
        return result is Result.PASS or self.sender_match is SenderMatch.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who works here, all in lower case: their mail is never a customer's."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def includes(self, address: str) -> bool:
        """Say whether this address, in lower case, is one of theirs."""
        return address in self.addresses or address.rpartition("@")[2] in self.domains


def _no_accounts() -> Mapping[str, AccountPolicy]:
    return MappingProxyType({})


def _no_addresses() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Policies of all accounts, and the addresses that are our own or our staff's: they take part in no ticket.

    `senders` gives the address from which an account writes, by account; one that takes any domain has none.
    `legacy` holds the help desks that were used before.
    """

    accounts: Mapping[str, AccountPolicy] = field(default_factory=_no_accounts)
    own_addresses: frozenset[str] = frozenset()
    staff: Staff = Staff()
    senders: Mapping[str, str] = field(default_factory=_no_addresses)
    default: AccountPolicy = AccountPolicy()
    legacy: tuple[LegacyDesk, ...] = ()

    @property
    def own_domains(self) -> frozenset[str]:
        """Domains of our addresses."""
        return frozenset(address.rpartition("@")[2] for address in self.own_addresses)

    def of(self, account: str) -> AccountPolicy:
        """Give the account's policy; an account that left the settings keeps the default one."""
        return self.accounts.get(account, self.default)

    def is_staff(self, address: str) -> bool:
        """Say whether what comes from this address is no customer's: staff, or one of our own accounts."""
        bare = address.strip().lower()
        return bare in self.own_addresses or self.staff.includes(bare)

    def is_old_desk(self, address: str) -> bool:
        """Say whether a help desk that was used before reads or writes at this address: it takes part in no ticket."""
        return any(desk.is_its_own(address) for desk in self.legacy)
