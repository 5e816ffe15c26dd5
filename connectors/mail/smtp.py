"""The SMTP listener: opens the port, bounds what all connections may use together, stops in order."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Final

from connectors.mail.settings import SmtpSettings
from connectors.mail.smtp_connection import Shared
from connectors.mail.smtp_handler import Accepts, Directory, MailHandler
from connectors.mail.smtp_limits import ConnectionGate
from connectors.mail.smtp_meter import SmtpMeter, Unmetered
from connectors.mail.smtp_session import SmtpSession
from connectors.mail.smtp_spool import Budget, Room

STOP_SECONDS: Final = 10.0
LAST_WORD_SECONDS: Final = 1.0
"""Part of the grace that is kept for telling the rest to come again."""


def tls_context(settings: SmtpSettings) -> ssl.SSLContext | None:
    """Load the certificate for STARTTLS; None when none is configured. Raises `ValueError` that says what is wrong."""
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        msg = f"smtp.tls_cert {settings.tls_cert}, smtp.tls_key {settings.tls_key}: {error.strerror or error}"
        raise ValueError(msg) from error
    return context


class SmtpIntake:
    """Listens for mail. `clock` gives the time of receipt, aware; `tls` switches STARTTLS on."""

    def __init__(
        self,
        *,
        settings: SmtpSettings,
        directory: Directory,
        intake: Accepts,
        clock: Callable[[], datetime],
        tls: ssl.SSLContext | None = None,
        meter: SmtpMeter | None = None,
    ) -> None:
        self._settings = settings
        self._server: asyncio.Server | None = None
        self.shared = Shared(
            settings=settings,
            handler=MailHandler(directory=directory, intake=intake, clock=clock),
            gate=ConnectionGate(in_all=settings.max_connections, per_peer=settings.max_connections_per_peer),
            room=_room(settings),
            tls=tls,
            meter=meter or Unmetered(),
            connections=set(),
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are really listened on."""
        if self._server is None or not self._server.sockets:
            msg = "the SMTP listener is not started"
            raise RuntimeError(msg)
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    async def start(self) -> None:
        """Open the port. Raises `OSError` when it is taken or not ours."""
        if self._settings.spill_folder is not None:
            self._settings.spill_folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SmtpSession(shared=self.shared, loop=loop), self._settings.host, self._settings.port, backlog=1024
        )

    async def stop(self, grace: float = STOP_SECONDS) -> None:
        """Take no new mail, let mails in flight end, tell the rest to come again; gone within `grace` seconds."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        connections = set(self.shared.connections)
        for connection in connections:
            connection.stop()
        last_word = min(LAST_WORD_SECONDS, grace / 2)
        await self._gone(grace - last_word)
        for connection in set(self.shared.connections):
            connection.stop_now()
        await self._gone(last_word)
        for connection in connections:
            connection.abort()

    async def _gone(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(connection.gone()) for connection in self.shared.connections]
        if not waits:
            return
        _, late = await asyncio.wait(waits, timeout=seconds)
        for wait in late:
            wait.cancel()


def _room(settings: SmtpSettings) -> Room:
    return Room(
        memory=Budget(limit=settings.data_memory_bytes),
        disk=Budget(limit=settings.spill_bytes),
        folder=settings.spill_folder,
        wait_seconds=settings.spill_wait_seconds,
    )
