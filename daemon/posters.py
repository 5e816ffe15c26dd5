"""Who posts to other systems' servers: the guarded dialler with what `[webhooks]` allows."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from connectors.base import Connector
from connectors.posting import CallsBack, Poster
from daemon.clock import now
from daemon.settings import Settings


def make_poster(settings: Settings) -> Poster:
    """Put one together. Raises `OSError` when the authorities cannot be read."""
    webhooks = settings.webhooks
    return Poster(reach=webhooks.reach(), clock=now, tls=_tls(webhooks.ca_file), seconds=webhooks.timeout_seconds)


def use_posters(connectors: Mapping[str, Connector], settings: Settings, *, instance: UUID) -> None:
    """Give every channel that calls other systems what it calls with."""
    calling = [connector for connector in connectors.values() if isinstance(connector, CallsBack)]
    if calling:
        poster = make_poster(settings)
        for connector in calling:
            connector.use_poster(poster, now, instance=str(instance))


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
