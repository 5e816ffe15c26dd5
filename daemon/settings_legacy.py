"""`[legacy.NAME]`: the help desks that were used before."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from daemon.settings_problems import Problem, Sources
from router.legacy_desk import LegacyDesk, LegacyPolicy, NumberPattern
from schemas.message import Name
from schemas.numbers import subject_tag

OUR_TAG: Final = subject_tag("4829173056")
"""How our own numbers stand in subjects; a pattern that fits it would take our tickets for the old desk's."""


def _checked_pattern(text: str) -> str:
    NumberPattern(text)
    return text


def _checked_domain(text: str) -> str:
    domain = text.strip().lower().removeprefix("@")
    if not domain or any(c.isspace() or c in '@<>"*' for c in domain):
        msg = "write a domain as it ends Message-IDs: old.example.org"
        raise ValueError(msg)
    return domain


def _checked_address(text: str) -> str:
    address = text.strip().lower()
    local, _, domain = address.rpartition("@")
    if not local or not domain or any(c.isspace() or not c.isprintable() or c in '<>,"*' for c in address):
        msg = "write local@domain"
        raise ValueError(msg)
    return address


def _checked_url(text: str) -> str:
    if not text.startswith(("https://", "http://")) or "{number}" not in text or any(c.isspace() for c in text):
        msg = "write an address with {number} in it: https://old.example.org/ticket/{number}"
        raise ValueError(msg)
    return text


Pattern = Annotated[str, AfterValidator(_checked_pattern)]
Domain = Annotated[str, AfterValidator(_checked_domain)]
Address = Annotated[str, AfterValidator(_checked_address)]
Url = Annotated[str, AfterValidator(_checked_url)]


class LegacySettings(BaseModel):
    """A help desk that was used before: how its mail is known, and what becomes of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cutover_at: datetime = Field(description="when Switchboard took over: with an offset, or as local time of tz")
    tz: str | None = Field(default=None, description="time zone of moments without an offset, such as Europe/Lisbon")
    parallel_until: datetime | None = Field(
        default=None, description="end of the parallel run; not set: policy holds for ever"
    )
    policy: LegacyPolicy = Field(
        default=LegacyPolicy.HOLD, description="mail about old tickets in the parallel run: hold, forward, open"
    )
    policy_after: LegacyPolicy = Field(
        default=LegacyPolicy.HOLD, description="the same after its end: hold or open, never forward"
    )
    id_domains: tuple[Domain, ...] = Field(default=(), description="the old desk's Message-IDs end with @ and these")
    id_patterns: tuple[Pattern, ...] = Field(
        default=(), description="find the old number in such a Message-ID: RE2 with one group `(?P<number>...)`"
    )
    subject_patterns: tuple[Pattern, ...] = Field(
        default=(), description="find the old number in a subject: RE2 with one group `(?P<number>...)`"
    )
    addresses: tuple[Address, ...] = Field(default=(), description="addresses of the old desk that are not ours now")
    accounts: tuple[Name, ...] = Field(default=(), description="whose mail may belong to it; none: every account's")
    url: Url | None = Field(default=None, description="page of an old ticket, with {number} in it")
    forward_to: Address | None = Field(default=None, description="where the old desk takes mail that is sent on")

    @field_validator("policy_after")
    @classmethod
    def _not_forward(cls, value: LegacyPolicy) -> LegacyPolicy:
        if value is LegacyPolicy.FORWARD:
            raise ValueError("hold or open: nothing is sent to the old desk after the parallel run")
        return value

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("there is no such time zone; write one such as Europe/Lisbon") from None
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for key in ("cutover_at", "parallel_until"):
            _check_moment(key, getattr(self, key), self.tz)
        if self.parallel_until is not None and self._aware(self.parallel_until) < self._aware(self.cutover_at):
            raise ValueError("parallel_until is before cutover_at")
        if not (self.id_domains or self.subject_patterns or self.addresses):
            raise ValueError("set id_domains, subject_patterns or addresses, or none of its mail can be known")
        if self.id_patterns and not self.id_domains:
            raise ValueError("id_patterns read ids of id_domains alone: set those, too")
        if self.policy is LegacyPolicy.FORWARD and self.forward_to is None:
            raise ValueError('policy = "forward" needs forward_to')
        return self

    def _aware(self, moment: datetime) -> datetime:
        return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.tz or "UTC"))

    def desk(self, name: str) -> LegacyDesk:
        """Give it as the router sees it."""
        return LegacyDesk(
            name=name,
            cutover_at=self._aware(self.cutover_at),
            parallel_until=self._aware(self.parallel_until) if self.parallel_until else None,
            id_domains=frozenset(self.id_domains),
            id_patterns=tuple(map(NumberPattern, self.id_patterns)),
            subject_patterns=tuple(map(NumberPattern, self.subject_patterns)),
            addresses=frozenset(self.addresses),
            accounts=frozenset(self.accounts),
            url=self.url or "",
            forward_to=self.forward_to or "",
            policy=self.policy,
            policy_after=self.policy_after,
        )


def _check_moment(key: str, moment: datetime | None, tz: str | None) -> None:
    """Refuse a moment that nobody could tell: without zone, or in an hour that the zone leaves out or has twice."""
    if moment is None or moment.tzinfo is not None:
        return
    if tz is None:
        raise ValueError(f"{key} needs an offset, or set tz")
    zone = ZoneInfo(tz)
    first, second = (moment.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if first != second:
        raise ValueError(f"{key} is in an hour that {tz} leaves out or has twice: write it with an offset")


def legacy_problems(
    desks: Mapping[str, LegacySettings], accounts: Mapping[str, frozenset[str]], sources: Sources
) -> Iterator[Problem]:
    """Give what only the whole can tell. `accounts` holds every account's own addresses by its name."""
    owners = {address: name for name, addresses in accounts.items() for address in addresses}
    for name, desk in desks.items():
        path = ("legacy", name)
        for account in desk.accounts:
            if account not in accounts:
                yield sources.problem((*path, "accounts"), f"there is no account {account!r}")
        for address in desk.addresses:
            if address in owners:
                reason = f"{address!r} belongs to account {owners[address]!r} now: mail to it is nobody else's"
                yield sources.problem((*path, "addresses"), reason)
        if desk.forward_to in owners:
            reason = f"it belongs to account {owners[desk.forward_to]!r}: what is sent on would come back"
            yield sources.problem((*path, "forward_to"), reason)
        if any(list(NumberPattern(text).numbers(OUR_TAG)) for text in desk.subject_patterns):
            reason = f"a pattern fits {OUR_TAG}, our own tag, too: answers on our tickets may be taken for old ones"
            yield sources.problem((*path, "subject_patterns"), reason, level="warning")
