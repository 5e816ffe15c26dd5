"""Where a request may go whose URL an operator, or somebody with a token, has named.

To the internet by https, on port 443, to a host with a name of which every address is public. And where the settings
allow it: to servers that they name exactly (`origins`), and to addresses in their `networks`. Addresses on which clouds
serve secrets, and those that are no single machine's, are dialled never.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

from connectors.download_guard import HOST_NAME, HTTPS_PORT, Address, inner_address, is_public

Network = IPv4Network | IPv6Network

MAX_URL: Final = 2048
_URL: Final = re.compile(r"[\x21-\x7e]+\Z")
_ORIGIN: Final = re.compile(r"(?:(https?)://)?([a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]):([0-9]{1,5})\Z")
CLOUDS: Final = tuple(
    ip_network(text)
    for text in ("169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::/32")
)
"""Where machines of clouds ask for their own credentials."""
HIGHEST_PORT: Final = 65535


class ForbiddenUrlError(ValueError):
    """A URL that is not asked for. The message says why and what would allow it, and does not repeat the URL."""


class Origin(NamedTuple):
    """A server. `host` is a name or an address, without brackets."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the settings allow beside the internet."""

    origins: frozenset[Origin] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, hosts: Iterable[str], networks: Iterable[str]) -> Self:
        """Read it. Raises `ValueError` that names the part which is wrong."""
        return cls(origins=frozenset(map(origin_of, hosts)), networks=tuple(map(network_of, networks)))

    def target(self, url: str) -> Origin:
        """Give the server of a URL. Raises `ForbiddenUrlError`."""
        origin = _origin(url)
        if origin in self.origins:
            return origin
        if origin.scheme != "https" or origin.port != HTTPS_PORT:
            raise ForbiddenUrlError("it is not on https and port 443: webhooks.allow_hosts can name its server")
        if HOST_NAME.match(origin.host) is None:
            raise ForbiddenUrlError("its host is no name on the internet: webhooks.allow_hosts can name its server")
        return origin

    def may_dial(self, origin: Origin) -> Callable[[Address], bool]:
        """Give what says which addresses of a server may be dialled."""
        return partial(self._may_dial, origin in self.origins)

    def _may_dial(self, listed: bool, address: Address) -> bool:  # noqa: FBT001 - bound by `may_dial` alone
        found = inner_address(address)
        if _never(found):
            return False
        return listed or is_public(found) or any(found in net for net in self.networks if net.version == found.version)


def origin_of(text: str) -> Origin:
    """Read `host:port`, or `http://host:port` where requests may go in the clear. Raises `ValueError`."""
    found = _ORIGIN.match(text.lower())
    if found is None or not 0 < int(found[3]) <= HIGHEST_PORT:
        raise ValueError(f"{text!r} is not like desk.internal:8443 or http://10.0.0.5:8080")
    host = found[2].strip("[]")
    if ":" in host:
        host = str(ip_address(host))
    return Origin(scheme=found[1] or "https", host=host, port=int(found[3]))


def network_of(text: str) -> Network:
    """Read a network such as `10.1.0.0/16`. Raises `ValueError`."""
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not like 10.1.0.0/16: {error}") from error


def _origin(url: str) -> Origin:
    if len(url) > MAX_URL or _URL.match(url) is None or "\\" in url or "#" in url:
        raise ForbiddenUrlError(f"it is no URL of at most {MAX_URL:,} plain characters without a fragment")
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").lower()
        if ":" in host:
            host = str(ip_address(host))
    except ValueError as error:
        raise ForbiddenUrlError("it is no URL") from error
    if parts.username is not None or parts.password is not None:
        raise ForbiddenUrlError("it names a user: put what the receiver wants to know into the path")
    if parts.scheme not in ("https", "http") or not host or not url.startswith(f"{parts.scheme}://"):
        raise ForbiddenUrlError("it does not begin with https://")
    default = HTTPS_PORT if parts.scheme == "https" else 80
    return Origin(scheme=parts.scheme, host=host, port=default if port is None else port)


def _never(address: Address) -> bool:
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return True
    if address.is_reserved and not address.is_loopback:
        return True
    return any(address in net for net in CLOUDS if net.version == address.version)
