"""The ports that a daemon opens, tried before anything else starts.

A port that somebody else holds will not come free by itself, so a start ends there, at once and with all of them named.
A port that is lost later is another matter: the process that needs it is started again until it has it; so is an
address that the machine has not got yet, as at boot, lest one listener keeps all the others from their work.
"""

import asyncio
import errno
import socket
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from connectors.base import Push, Routes
from daemon.connecting import close_all, connect_accounts
from daemon.errors import UserError
from daemon.settings import Settings

PATIENCE: Final = 12.0
"""Seconds that the children of a daemon that was killed may still hold its ports; they are gone by then."""
LOOK_EVERY: Final = 0.1
FOREVER: Final = (errno.EADDRINUSE, errno.EACCES)
"""What does not pass by itself. An address or a name that is not there may come, and its process is tried again."""
SMTP: Final = "smtp.port"


class Port(NamedTuple):
    """One that is listened on, and the setting that says so."""

    key: str
    host: str
    port: int

    @property
    def shown(self) -> str:
        """Give the address as one would use it."""
        where = f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"
        return where if self.key == SMTP else f"http://{where}"

    def refusal(self, error: OSError) -> str:
        """Say in plain words why it cannot be had, and what to do."""
        where, other = f"{self.key}: {self.host}:{self.port}", f"set another port ({self.key}, or {self.variable})"
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            return f"{where} is no address of this machine: set {self.key.rpartition('.')[0]}.host to one that is"
        if error.errno == errno.EADDRINUSE:
            shown = f"`ss -ltnp sport = :{self.port}` shows which"
            return f"{where} is taken by another program, perhaps another daemon: stop that one ({shown}), or {other}"
        if error.errno == errno.EACCES:
            return f"{where} may not be opened by this user: give it CAP_NET_BIND_SERVICE, or {other}"
        return f"{where} cannot be listened on ({error.strerror}): {other}"

    @property
    def variable(self) -> str:
        """Give the environment variable of the setting."""
        return f"SWITCHBOARD_{self.key.replace('.', '__').upper()}"


async def ports_of(settings: Settings, roles: Collection[str]) -> Sequence[Port]:
    """Give what these roles will listen on, beside the supervisor's own. Raises `UserError`."""
    found = [Port("http.port", settings.http.host, settings.http.port)]
    if "ingest" in roles:
        if settings.mail_accounts():
            found.append(Port(SMTP, settings.smtp.host, settings.smtp.port))
        if await _are_called(settings):
            found.append(Port("intake.port", settings.intake.host, settings.intake.port))
    if "console" in roles:
        found.append(Port("api.port", settings.api.host, settings.api.port))
    return [one for one in found if one.port]


async def check_ports(ports: Sequence[Port], *, patience: float, stop: asyncio.Event) -> None:
    """Try them all, for `patience` seconds or until told to stop. Raises `UserError` that names every one refused."""
    deadline = asyncio.get_running_loop().time() + patience
    while not stop.is_set() and (problems := [problem for port in ports if (problem := _problem(port))]):
        if asyncio.get_running_loop().time() >= deadline:
            raise UserError("\n".join(problems))
        await asyncio.sleep(LOOK_EVERY)


async def _are_called(settings: Settings) -> bool:
    connectors = connect_accounts(settings)
    await close_all(connectors)
    return any(isinstance(one, Push | Routes) for one in connectors.values())


def bound(family: int, kind: int, address: Any, *, one_family: bool = False) -> socket.socket:  # noqa: ANN401 - what getaddrinfo gives
    """Give a socket with this address, as our listeners for HTTP have it. Raises `OSError`.

    `one_family`: an IPv6 address stands for itself alone, and not for all of IPv4 too.
    """
    sock = socket.socket(family, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if one_family and family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def addresses(host: str, port: int) -> "Sequence[tuple[int, int, int, str, Any]]":
    """Look up what is to be listened on. Raises `OSError`."""
    return socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)


def _problem(port: Port) -> str:
    """Bind it for a moment, as its listener will: SMTP on each address of its host alone, HTTP on the first one.

    It is not listened on, so that nobody connects to the probe; beside a listener to bind fails all the same.
    """
    try:
        found = addresses(port.host, port.port)
        is_smtp = port.key == SMTP
        for family, kind, _, _, address in found if is_smtp else found[:1]:
            bound(family, kind, address, one_family=is_smtp).close()
    except OSError as error:
        return port.refusal(error) if error.errno in FOREVER else ""
    return ""
