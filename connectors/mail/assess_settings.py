"""Settings of the question who really sent a mail: `[smtp.assess]`. An unknown key is an error."""

import ipaddress
import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ID: Final = re.compile(r"[A-Za-z0-9._\-]{1,255}")
_WITH_PORT: Final = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](?::(?P<port6>\d{1,5}))?|(?P<v4>[\d.]+):(?P<port4>\d{1,5})")
DNS_PORT: Final = 53
_LAST_PORT: Final = 65_535


def _checked_network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip()))
    except ValueError as error:
        msg = f"write an address or a network, as 192.0.2.7 or 192.0.2.0/24 ({error})"
        raise ValueError(msg) from error


def _checked_id(text: str) -> str:
    if _ID.fullmatch(text) is None:
        msg = "write the name that stands first in the relay's Authentication-Results, as mx.example.org"
        raise ValueError(msg)
    return text.lower()


def dns_server(text: str) -> tuple[str, int]:
    """Give address and port of `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`."""
    match = _WITH_PORT.fullmatch(text.strip())
    host, port = text.strip(), DNS_PORT
    if match is not None:
        host, port = match["v6"] or match["v4"], int(match["port6"] or match["port4"] or DNS_PORT)
    msg = "write the address of a DNS server, as 192.0.2.53 or 192.0.2.53:5353; names have no place here"
    if not 0 < port <= _LAST_PORT:
        raise ValueError(msg)
    try:
        return str(ipaddress.ip_address(host)), port
    except ValueError as error:
        raise ValueError(msg) from error


def _checked_server(text: str) -> str:
    dns_server(text)
    return text.strip()


class AssessSettings(BaseModel):
    """How senders are assessed. Times are seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="false: no verdicts at all; peers of this network never get one")
    trusted_relays: tuple[Annotated[str, AfterValidator(_checked_network)], ...] = Field(
        default=(), description="addresses and networks of our own mail relays; their Authentication-Results count"
    )
    trusted_authserv_ids: tuple[Annotated[str, AfterValidator(_checked_id)], ...] = Field(
        default=(), description="names under which those relays (and IMAP providers) write Authentication-Results"
    )
    authserv_id: Annotated[str, AfterValidator(_checked_id)] | None = Field(
        default=None, description="our own such name; results under it come from outside and are ignored"
    )
    timeout_seconds: PositiveFloat = Field(default=2.0, le=30, description="for all of one mail; then: temperror")
    dns_servers: tuple[Annotated[str, AfterValidator(_checked_server)], ...] = Field(
        default=(), description="address or address:port; default: those of the system"
    )
    dns_cache_entries: PositiveInt = Field(default=10_000, description="answers kept")
    dns_cache_seconds: PositiveFloat = Field(default=3600.0, description="longest time an answer is kept")
    checks_at_once: PositiveInt = Field(default=32, le=500, description="threads that ask and compute, at most")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.authserv_id is not None and self.authserv_id in self.trusted_authserv_ids:
            msg = (
                f"authserv_id {self.authserv_id!r} stands in trusted_authserv_ids too: a relay needs a name of its own"
            )
            raise ValueError(msg)
        if self.trusted_relays and not self.trusted_authserv_ids:
            msg = "trusted_relays is set but trusted_authserv_ids is not: name what the relays call themselves"
            raise ValueError(msg)
        return self

    def networks(self) -> tuple[Network, ...]:
        """Give the trusted relays as networks."""
        return tuple(ipaddress.ip_network(text) for text in self.trusted_relays)
