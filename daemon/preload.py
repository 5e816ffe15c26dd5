"""What the roles import late is imported early where they are forked: one process pays, and all share the memory."""

from collections.abc import Collection
from importlib import import_module
from typing import Final

from daemon.settings import Settings

_MAIL: Final = "mail"


def preload(settings: Settings, roles: Collection[str]) -> None:
    """Import what these roles will need with these settings; what is missing here is only imported later, by each."""
    for name in _needed(settings, roles):
        import_module(name)


def _needed(settings: Settings, roles: Collection[str]) -> list[str]:
    needed = ["bus.kafka" if settings.bus.engine == "kafka" else "bus.postgres"]
    if settings.http.port:
        needed.append("daemon.web")
    if "console" in roles:
        needed += ["console.api.app", "daemon.api_rooms", "daemon.web"]
    if "ingest" in roles and any(settings.account(name).channel != _MAIL for name in settings.accounts):
        needed += ["daemon.routes_desk", "daemon.web"]
    return needed
