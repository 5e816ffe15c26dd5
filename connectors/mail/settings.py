"""Settings of the mail channel: its accounts and the SMTP listener. An unknown key is an error.

What only the whole can tell (two accounts with one address, a wildcard on a public listener) `mail_problems` tells as a
list, so that `switchboard check` reports every mistake at once.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from connectors.base import Account
from connectors.mail.assess_settings import AssessSettings
from schemas.message import Name, Party

MIB: Final = 1024 * 1024

_PATTERN: Final = re.compile(r"""(?P<local>[^\s@"<>(),:;\\\[\]*]{1,64})@(?P<domain>\*|[^\s@"<>(),:;\\*]{1,255})""")


def _checked_pattern(pattern: str) -> str:
    if _PATTERN.fullmatch(pattern) is None:
        msg = "write local@domain, or local@* for every domain; quotes and other wildcards have no place here"
        raise ValueError(msg)
    return pattern.lower()


AddressPattern = Annotated[str, AfterValidator(_checked_pattern)]
"""`help@example.org`, or `support@*` for that local part at any domain; kept in lower case."""


class MailAccountSettings(BaseModel):
    """One mailbox that we answer for. Its name is the key under which it stands in the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: ClassVar[timedelta] = timedelta(days=4)
    """How long a sender tries again while we say "later": RFC 5321 4.5.4.1 asks for 4 to 5 days."""

    channel: Literal["mail"] = Field(default="mail", description="the kind of source")
    scope: Name | None = Field(default=None, description="accounts of one scope share tickets; default: its own name")
    addresses: tuple[AddressPattern, ...] = Field(min_length=1, description="recipients that belong to this account")
    subaddresses: bool = Field(default=False, description="also accept local+anything@domain (RFC 5233)")

    reply_address: AddressPattern | None = Field(
        default=None,
        description="from which replies come, one of ours; not set: the first address without a wildcard, "
        "or with smtp.hostname in its place",
    )
    from_name: str = Field(
        default="", max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$", description="beside it, such as the desk's name"
    )

    def desk(self, hostname: str) -> Party:
        """Give the address from which replies come, and its name."""
        plain = [pattern for pattern in self.addresses if not pattern.endswith("@*")]
        address = self.reply_address or (plain or self.addresses)[0]
        return Party(address=address.replace("@*", f"@{hostname.lower()}"), name=self.from_name)

    def account(self, name: str) -> Account:
        """Give the account as connectors see it."""
        return Account(name=name, channel=self.channel, scope=self.scope or name)


class SmtpSettings(BaseModel):
    """The SMTP listener. Sizes are bytes, times are seconds, counts are of one session unless they say otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(
        default="127.0.0.1", min_length=1, description="address to listen on; a wildcard account needs a loopback one"
    )
    port: int = Field(default=2525, ge=0, le=65535, description="port to listen on; 0 lets the system choose")
    hostname: str = Field(
        default="localhost", pattern=r"^[A-Za-z0-9.\-\[\]:]{1,255}$", description="our name in the greeting and EHLO"
    )
    tls_cert: Path | None = Field(default=None, description="PEM file with the certificate chain; switches STARTTLS on")
    tls_key: Path | None = Field(default=None, description="PEM file with the private key; default: inside tls_cert")

    max_mail_bytes: PositiveInt = Field(default=64 * MIB, description="a larger mail gets 552")
    data_memory_bytes: PositiveInt = Field(
        default=256 * MIB, description="mail held in memory by all connections together; then bodies go to disk"
    )
    spill_bytes: int = Field(
        default=2048 * MIB, ge=0, description="mail held on disk by all connections together; then the answer is 451"
    )
    spill_folder: Path | None = Field(default=None, description="where those bodies go; default: data_dir/spill")
    spill_wait_seconds: PositiveFloat = Field(
        default=30.0, description="how long a body on disk waits for memory before the answer is 451"
    )

    max_connections: PositiveInt = Field(default=500, description="of all peers; more get 421")
    max_connections_per_peer: PositiveInt = Field(default=100, description="of an IPv4 address or IPv6 /64, relays too")
    max_recipients: PositiveInt = Field(default=100, ge=1, description="a mail; RFC 5321 4.5.3.1.8 asks for 100")
    max_commands: PositiveInt = Field(default=10_000, description="then 421, and the client connects anew")
    max_errors: PositiveInt = Field(default=20, description="refused commands; then 421")
    max_line_bytes: int = Field(
        default=2048, ge=512, le=16 * 1024, description="a command line; RFC 5321 4.5.3.1.4 asks for 512"
    )

    command_seconds: PositiveFloat = Field(default=300.0, description="for one whole command line (RFC 5321 4.5.3.2.7)")
    data_idle_seconds: PositiveFloat = Field(default=180.0, description="in DATA, counted from the last byte")
    data_total_seconds: PositiveFloat = Field(default=1800.0, description="for a whole DATA, however it drips")
    tls_seconds: PositiveFloat = Field(default=30.0, description="for a TLS handshake")

    assess: AssessSettings = Field(default=AssessSettings(), description="who really sent a mail")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.data_memory_bytes < self.max_mail_bytes:
            msg = f"data_memory_bytes ({self.data_memory_bytes}) is less than max_mail_bytes ({self.max_mail_bytes})"
            raise ValueError(msg)
        if self.tls_key is not None and self.tls_cert is None:
            msg = "tls_key is set but tls_cert is not: name the certificate too, or remove tls_key"
            raise ValueError(msg)
        return self

    @property
    def loopback(self) -> bool:
        """Say whether only this machine can reach the listener."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether a listening address is of this machine alone. A name other than `localhost` counts as public."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def mail_problems(accounts: Mapping[str, MailAccountSettings], smtp: SmtpSettings) -> tuple[tuple[str, str], ...]:
    """List what is wrong between accounts and listener, as (key, reason). Empty when all is well."""
    return (
        *_wildcards(accounts, smtp),
        *_claimed_twice(accounts),
        *_reply_addresses(accounts),
        *_files(smtp),
    )


def _wildcards(accounts: Mapping[str, MailAccountSettings], smtp: SmtpSettings) -> Iterator[tuple[str, str]]:
    if smtp.loopback:
        return
    for name, account in accounts.items():
        for pattern in account.addresses:
            if pattern.endswith("@*"):
                yield f"accounts.{name}.addresses", _not_on(smtp.host, pattern)


def _not_on(host: str, pattern: str) -> str:
    return f"{pattern!r} takes any domain, but smtp.host {host} is not loopback: write the domains out"


def _claimed_twice(accounts: Mapping[str, MailAccountSettings]) -> Iterator[tuple[str, str]]:
    owners: dict[str, str] = {}
    for name, account in accounts.items():
        for pattern in account.addresses:
            owner = owners.setdefault(pattern, name)
            if owner != name:
                yield f"accounts.{name}.addresses", f"{pattern!r} belongs to account {owner!r} already"


def _reply_addresses(accounts: Mapping[str, MailAccountSettings]) -> Iterator[tuple[str, str]]:
    """Answers go to the reply address: one that is not the account's own would lose them."""
    for name, account in accounts.items():
        address = account.reply_address
        if address is None:
            continue
        anywhere = f"{address.rpartition('@')[0]}@*"
        if address.endswith("@*"):
            yield f"accounts.{name}.reply_address", f"{address!r} takes any domain: write one out"
        elif address not in account.addresses and anywhere not in account.addresses:
            yield f"accounts.{name}.reply_address", f"{address!r} is none of its addresses: answers would be refused"


def _files(smtp: SmtpSettings) -> Iterator[tuple[str, str]]:
    for key, path in (("smtp.tls_cert", smtp.tls_cert), ("smtp.tls_key", smtp.tls_key)):
        if path is not None and not path.is_file():
            yield key, f"there is no file {path}"
    if smtp.spill_folder is not None and smtp.spill_folder.exists() and not smtp.spill_folder.is_dir():
        yield "smtp.spill_folder", f"{smtp.spill_folder} is not a folder"
