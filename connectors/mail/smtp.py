"""The SMTP listener: opens the port, bounds what all connections may use together, stops in order."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
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
READ_AHEAD: Final = 64 * 1024
"""Bytes of a mail that its connection holds before they are counted: one chunk of the loop."""
LAST_WORD_SECONDS: Final = 1.0
"""Part of the grace that is kept for telling the rest to come again."""


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
            self._settings.spill_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self.shared.gate.shut = False
        self._server = await loop.create_server(
            lambda: SmtpSession(shared=self.shared, loop=loop), self._settings.host, self._settings.port, backlog=1024
        )

    async def stop(self, grace: float = STOP_SECONDS) -> None:
        """Take no new mail, let mails in flight end, tell the rest to come again; gone within `grace` seconds."""
        if self._server is None:
            return
        self._server.close()
        self.shared.gate.shut = True  # also for a connection that was accepted a moment ago
        self._server = None
        connections = set(self.shared.connections)
        for connection in connections:
            connection.stop()
        last_word = min(LAST_WORD_SECONDS, grace / 2)
        await _wait([connection.over() for connection in connections], grace - last_word)
        for connection in set(self.shared.connections):
            connection.stop_now()
        await _wait([connection.gone() for connection in connections], last_word)
        for connection in connections:
            connection.abort()


async def _wait(ends: Sequence[Coroutine[None, None, None]], seconds: float) -> None:
    """Wait for all of them, at most so long."""
    if ends:
        _, late = await asyncio.wait([asyncio.ensure_future(end) for end in ends], timeout=seconds)
        for end in late:
            end.cancel()


def _room(settings: SmtpSettings) -> Room:
    return Room(
        memory=Budget(limit=settings.data_memory_bytes),
        disk=Budget(limit=settings.spill_bytes),
        folder=settings.spill_folder,
        wait_seconds=settings.spill_wait_seconds,
        # however many connections stand in their DATA, a mail of the largest size must still fit beside them
        reserve=min(READ_AHEAD, (settings.data_memory_bytes - settings.max_mail_bytes) // settings.max_connections),
    )
