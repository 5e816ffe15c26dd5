"""A raw SMTP client that sends exactly the bytes it is told, and a listener with everything behind it in memory."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast

from intake_ports import MemoryBlobs, MemoryDoor, MemorySink, plain_intake

from connectors.base import Delivery
from connectors.intake import Intake
from connectors.mail.settings import MailAccountSettings, SmtpSettings
from connectors.mail.smtp import SmtpIntake
from connectors.mail.smtp_address import AccountDirectory
from connectors.mail.smtp_meter import SmtpMeter

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ANSWER_SECONDS = 5.0
ENVELOPE = (b"EHLO client.example\r\n", b"MAIL FROM:<anna@example.net>\r\n", b"RCPT TO:<help@example.org>\r\n")
MAIL = b"From: anna@example.net\r\nSubject: Hello\r\n\r\nHow are you?\r\n"


class RawClient:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> str:
        """Give one reply with all its lines; an empty string when the server has closed."""
        lines: list[str] = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), ANSWER_SECONDS)).decode()
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    async def ask(self, data: bytes) -> str:
        await self.send(data)
        return await self.reply()

    async def until_data(self, *recipients: str) -> None:
        """Go as far as the 354."""
        commands = [*ENVELOPE[:2], *(f"RCPT TO:<{r}>\r\n".encode() for r in recipients or ("help@example.org",))]
        for command in commands:
            answer = await self.ask(command)
            assert answer.startswith("250"), answer
        assert (await self.ask(b"DATA\r\n")).startswith("354")

    async def mail(self, body: bytes = MAIL, *recipients: str) -> str:
        """Send a whole mail whose body needs no stuffing."""
        await self.until_data(*recipients)
        return await self.ask(body + b".\r\n")

    async def closed(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(), ANSWER_SECONDS) == b""
        except ConnectionError:
            return True

    async def start_tls(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await self.writer.start_tls(context, ssl_handshake_timeout=ANSWER_SECONDS)

    def stop_reading(self) -> None:
        """Take no more replies; the streams API shows the write side of the transport only."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    def vanish(self) -> None:
        """Be gone at once, as when the line breaks."""
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return  # the server was faster


class Rig:
    """A started listener, and everything that it stored."""

    def __init__(
        self, *, settings: SmtpSettings, tls: ssl.SSLContext | None, intake: Intake | None, meter: SmtpMeter | None
    ) -> None:
        self.blobs, self.sink, self.door = MemoryBlobs(), MemorySink(), MemoryDoor()
        self.settings = settings
        self._clients: list[RawClient] = []
        self.deliveries: list[Delivery] = []
        self.intake = intake or plain_intake(self.blobs, self.sink, self.door)
        self.smtp = SmtpIntake(
            settings=settings,
            directory=AccountDirectory(accounts=ACCOUNTS),
            intake=self,
            clock=lambda: NOON,
            tls=tls,
            meter=meter,
        )

    def check(self) -> None:
        self.intake.check()

    async def accept(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        self.deliveries.extend(deliveries)
        return await self.intake.accept(deliveries)

    @property
    def stored(self) -> list[bytes]:
        """Raw mails on the topic, in order."""
        return [self.blobs.contents[message.raw.sha256] for message in self.sink.messages]

    @property
    def memory_used(self) -> int:
        return self.smtp.shared.room.memory.used

    async def connect(self) -> RawClient:
        """Connect without waiting for the greeting."""
        host, port = self.smtp.address
        client = RawClient(*await asyncio.open_connection(host, port))
        self._clients.append(client)
        return client

    async def client(self) -> RawClient:
        """Connect and take the greeting."""
        client = await self.connect()
        assert (await client.reply()).startswith("220 ")
        return client

    async def quiet(self) -> None:
        """Wait until no session is left."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while self.smtp.shared.connections:  # noqa: ASYNC110 - what is asked is the server's own state
                await asyncio.sleep(0.005)

    async def until_held(self, size: int) -> None:
        """Wait until so many bytes of mail are in memory."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while self.memory_used < size:  # noqa: ASYNC110 - what is asked is the server's own state
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        for client in self._clients:
            await client.close()
        self.sink.open.set()
        await self.smtp.stop(grace=0.2)
        await self.intake.drain(1.0)


ACCOUNTS = {
    "help": MailAccountSettings(addresses=("help@example.org", "hilfe@bücher.example"), subaddresses=True),
    "sales": MailAccountSettings(addresses=("sales@example.org", "info@*"), scope="shop"),
}


@asynccontextmanager
async def listening(
    *,
    tls: ssl.SSLContext | None = None,
    intake: Intake | None = None,
    meter: SmtpMeter | None = None,
    **settings: object,
) -> AsyncIterator[Rig]:
    rig = Rig(settings=SmtpSettings.model_validate({"port": 0, **settings}), tls=tls, intake=intake, meter=meter)
    await rig.smtp.start()
    try:
        yield rig
    finally:
        await rig.close()
