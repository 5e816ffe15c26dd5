"""Where a download may go: which URLs are asked for, and which addresses are dialled."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import httpcore

from connectors.sending import Remote, SendFailedError, SendLaterError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Address = IPv4Address | IPv6Address
MayDial = Callable[[Address], bool]

HTTPS_PORT: Final = 443
MAX_URL: Final = 4096
HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])\Z"
)
"""Names alone: the last label begins with a letter, so that no number in any writing is an address."""
_URL: Final = re.compile(r"[\x21-\x7e]+\Z")

NEVER: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"),
        "168.63.129.16/32",  # Azure's host, a public address from within
        *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)
"""What Python's `is_global` says differently from version to version, tunnels, and what clouds serve secrets on."""
NAT64: Final = ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be asked for. `configured` is host and port of the server that the configuration names."""

    url: str
    configured: tuple[str, int] | None


def allowed_url(remote: Remote) -> Target:
    """Check it. Raises `SendFailedError`, which does not repeat it."""
    if len(remote.url) > MAX_URL or _URL.match(remote.url) is None or "\\" in remote.url:
        raise SendFailedError("the address of the file is none")
    parts = _split(remote.url)
    if parts.username is not None or parts.password is not None:
        raise SendFailedError("the address of the file names a user")
    if remote.base_url:
        base = _split(remote.base_url)
        if _place(base) == _place(parts):
            _, host, port = _place(base)
            return Target(url=remote.url.partition("#")[0], configured=(host, port))
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" or _port(parts) != HTTPS_PORT:
        raise SendFailedError("the file does not lie on https")
    if HOST_NAME.match(host) is None or not _is_listed(host, remote.hosts):
        raise SendFailedError("the file lies on a host that is not the platform's")
    return Target(url=remote.url.partition("#")[0], configured=None)


def is_public(address: Address) -> bool:
    """Whether an address of the internet may be dialled: none of ours, of this machine, of a cloud, of a tunnel."""
    found = inner_address(address)
    if any(found in network for network in NEVER if network.version == found.version):
        return False
    return found.is_global and not (
        found.is_multicast or found.is_private or found.is_loopback or found.is_link_local or found.is_reserved
    )


class GuardedDialer(httpcore.AsyncNetworkBackend):
    """Resolves a name, checks every address of the answer, and dials those alone."""

    def __init__(self, *, lookup: Resolve, may_dial: MayDial, configured: tuple[str, int] | None) -> None:
        self._lookup = lookup
        self._may_dial = may_dial
        self._configured = configured
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Dial; see httpcore. Raises `SendFailedError` for what must not be dialled."""
        if self._configured == (host, port):
            return await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        addresses = await self._checked(host, port, timeout)
        problem: Exception = httpcore.ConnectError("no address answers")
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        del path, timeout, socket_options
        raise SendFailedError("the address of the file is none")

    async def sleep(self, seconds: float) -> None:
        """Sleep; see httpcore."""
        await asyncio.sleep(seconds)

    async def _checked(self, host: str, port: int, seconds: float | None) -> list[str]:
        try:
            async with asyncio.timeout(seconds):
                found = await self._lookup(host, port)
        except OSError as error:
            raise SendLaterError("the host of the file is not found now") from error
        addresses = list(dict.fromkeys(found))
        if not addresses:
            raise SendLaterError("the host of the file is not found now")
        for address in addresses:
            if not self._may_dial(ip_address(address.partition("%")[0])):
                raise SendFailedError("the host of the file is not on the internet")
        return addresses


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SendFailedError("the address of the file is none") from error
    return parts


def _place(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").lower(), _port(parts)


def _port(parts: SplitResult) -> int:
    return parts.port if parts.port is not None else HTTPS_PORT if parts.scheme == "https" else 80


def _is_listed(host: str, hosts: Sequence[str]) -> bool:
    """Whether a host is one of these, or below one that begins with a dot."""
    return any(host == one or (one.startswith(".") and host.endswith(one)) for one in (h.lower() for h in hosts))


def inner_address(address: Address) -> Address:
    """Give the IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
