"""A patient SMTP client that sends mails of any bytes, exactly as they are."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

ANSWER_SECONDS = 90.0
SENDER = "ann@home.example"
RECIPIENT = "support@shop.example"
CHUNK = 1024 * 1024


class RawSender:
    """One session, greeted already."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def answer(self) -> str:
        """Give the last line of one answer; nothing when the other side has closed."""
        while True:
            line = (await asyncio.wait_for(self._reader.readline(), ANSWER_SECONDS)).decode()
            if line[3:4] != "-":
                return line.rstrip("\r\n")

    async def ask(self, command: bytes) -> str:
        """Send a command, give its answer."""
        await self.write(command + b"\r\n")
        return await self.answer()

    async def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def mail(self, raw: bytes, *recipients: str, sender: str = SENDER) -> str:
        """Send one mail; give the answer to its end, or the first refusal before it."""
        refusal = await self.envelope(recipients or (RECIPIENT,), sender)
        return refusal or await self.data(raw)

    async def envelope(self, recipients: Sequence[str], sender: str = SENDER) -> str:
        """Go as far as DATA; give the first refusal, if there is one."""
        commands = [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{recipient}>" for recipient in recipients), "DATA"]
        await self.write("".join(f"{command}\r\n" for command in commands).encode())
        answers = [await self.answer() for _ in commands]
        return next((answer for answer in answers if answer[:1] not in "23"), "")

    async def data(self, raw: bytes) -> str:
        """Send the bytes after a 354, with their dots doubled; give the answer."""
        sent = stuffed(raw)
        for start in range(0, len(sent), CHUNK):
            await self.write(sent[start : start + CHUNK])
        return await self.answer()

    async def rest(self) -> list[str]:
        """Close our half; give every line that the other side still says."""
        self._writer.write_eof()
        said = await asyncio.wait_for(self._reader.read(), ANSWER_SECONDS)
        return said.decode().split("\r\n")


def stuffed(raw: bytes) -> bytes:
    """Give DATA's bytes for a mail (RFC 5321 4.5.2); one that ends inside a line gets a line end more."""
    end = b".\r\n" if not raw or raw.endswith(b"\r\n") else b"\r\n.\r\n"
    return (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + end


@asynccontextmanager
async def sending(host: str, port: int) -> AsyncIterator[RawSender]:
    """Connect and say EHLO; the end of the block closes the session."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        sender = RawSender(reader, writer)
        assert (await sender.answer()).startswith("220 ")
        assert (await sender.ask(b"EHLO client.example")).startswith("250 ")
        yield sender
    finally:
        writer.close()
        with suppress(OSError):  # the server was faster
            await writer.wait_closed()
