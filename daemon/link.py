"""The line between the supervisor and a child: one socket pair, inherited by the child.

The child writes a report as a line of JSON every second and whenever something changes; it reads only to see the end:
the kernel closes the supervisor's side when the supervisor dies, however it dies.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator
from typing import Final

from pydantic import ValidationError

from daemon.health import Report

MAX_LINE: Final = 4 * 1024 * 1024
"""Bytes of one report; metrics of a hundred partitions take about 20 KB."""


class ChildLink:
    """The child's side."""

    def __init__(self, *, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def from_fd(cls, fd: int) -> "ChildLink":
        """Take over the inherited socket."""
        reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=fd))
        return cls(reader=reader, writer=writer)

    async def send(self, report: Report) -> None:
        """Send a report; drop it when the supervisor is gone (`ended` says so)."""
        try:
            self._writer.write(report.model_dump_json().encode() + b"\n")
            await self._writer.drain()
        except OSError:
            return

    async def ended(self) -> None:
        """Return when the supervisor is gone."""
        try:
            while await self._reader.read(1024):
                pass
        except OSError:
            return

    def close(self) -> None:
        """Let go of the socket."""
        self._writer.close()


async def reports(sock: socket.socket) -> AsyncGenerator[Report, None]:
    """Give the reports of one child until it closes its side; lines that are none are passed over."""
    reader, writer = await asyncio.open_unix_connection(sock=sock, limit=MAX_LINE)
    try:
        while line := await _line(reader):
            try:
                yield Report.model_validate_json(line)
            except ValidationError:
                continue
    finally:
        writer.close()


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except (OSError, ValueError):
        return b""
