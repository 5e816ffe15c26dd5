"""The relay's answers: what is one recipient's matter, what is one mail's, and what is everybody's."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.mail.relay import Answer, Relay, RelayDownError
from connectors.mail.resend import resend

MAIL = b"Subject: Hello\r\n\r\n.one\r\n..two\r\n"
ANA, BOB = "ana@a.example", "bob@b.example"


USUAL = {
    "GREETING": "220 hello",
    "EHLO": "250 me",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    ".": "250 ok",
    "QUIT": "221 bye",
}


class Script:
    """A server that answers each command with a line of its script, by the command's first word."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = {**USUAL, **answers}
        self.tasks: set[asyncio.Task[None] | None] = set()
        self.heard: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        in_data = False
        self.tasks.add(asyncio.current_task())
        writer.write(self.answers["GREETING"].encode() + b"\r\n")
        while line := (await reader.readline()).decode(errors="replace"):
            word = "." if line == ".\r\n" else line.split(" ")[0].strip().upper()
            if in_data and word != ".":
                self.heard.append(line)
                continue
            whom = f"{word} {line.partition('<')[2].partition('>')[0]}"
            answer = self.answers.get(whom, self.answers.get(word, "500 what"))
            in_data = word == "DATA" and answer.startswith("354")
            if answer == "break":
                break
            if answer == "silence":
                continue
            writer.write(answer.encode() + b"\r\n")
        writer.close()


@asynccontextmanager
async def relay_that(**answers: str) -> AsyncIterator[tuple[Relay, Script]]:
    script = Script({name.replace("dot", "."): value for name, value in answers.items()})
    server = await asyncio.start_server(script.talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Relay(host="127.0.0.1", port=port, hostname="mx.example", timeout=5), script
        await asyncio.gather(*(task for task in script.tasks if task is not None))


async def send(relay: Relay) -> Mapping[str, Answer]:
    return await relay.send(MAIL, mail_from="desk@d.example", rcpt_to=[ANA, BOB])


async def test_dots_are_stuffed_and_all_is_sent() -> None:
    async with relay_that() as (relay, script):
        assert {answer.state for answer in (await send(relay)).values()} == {"sent"}
        assert script.heard[-2:] == ["..one\r\n", "...two\r\n"]


@pytest.mark.parametrize(
    ("answers", "states"),
    [
        ({"RCPT": "450 later"}, ("later", "later")),
        ({"RCPT": "550 no"}, ("failed", "failed")),
        ({"DATA": "451 later"}, ("later", "later")),
        ({"dot": "554 spam"}, ("failed", "failed")),
        ({"dot": "452 full"}, ("later", "later")),
        ({"dot": "break"}, ("later", "later")),
        ({"MAIL": "552 too big"}, ("failed", "failed")),
        ({"MAIL": "550 who are you"}, ("later", "later")),
        ({"QUIT": "break"}, ("sent", "sent")),
    ],
)
async def test_each_answer_says_what_becomes_of_the_recipients(
    answers: dict[str, str], states: tuple[str, str]
) -> None:
    async with relay_that(**answers) as (relay, _):
        found = await send(relay)
        assert (found[ANA].state, found[BOB].state) == states


@pytest.mark.parametrize("answers", [{"GREETING": "554 go away"}, {"GREETING": "421 busy"}, {"EHLO": "break"}])
async def test_a_relay_that_lets_nobody_in_is_down_for_all(answers: dict[str, str]) -> None:
    async with relay_that(**answers) as (relay, _):
        with pytest.raises(RelayDownError):
            await send(relay)


async def test_a_relay_that_refuses_connections_is_named_with_what_to_check() -> None:
    async with relay_that() as (relay, _):
        pass
    with pytest.raises(RelayDownError) as raised:
        await send(replace(relay, username="desk", password="hunter2"))
    said = f"the relay at 127.0.0.1:{relay.port} refuses connections: check outbound.smtp.host, port and tls"
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": "relay.invalid", "port": 25}, "the relay at relay.invalid:25 has a name that nobody knows"),
        ({"tls": "implicit"}, "speaks no TLS that we can trust"),
        ({"timeout": 0.1}, "does not answer in time"),
    ],
)
async def test_a_relay_that_cannot_be_spoken_to_is_told_in_plain_words(changes: dict[str, Any], words: str) -> None:
    async with relay_that(EHLO="silence") as (relay, _):
        with pytest.raises(RelayDownError) as raised:
            await send(replace(relay, **changes))
    assert words in str(raised.value)


async def test_a_relay_that_breaks_off_is_told_in_plain_words() -> None:
    async with relay_that(EHLO="break", HELO="break") as (relay, _):
        with pytest.raises(RelayDownError, match="breaks the connection off: check"):
            await send(relay)


async def test_a_relay_that_goes_down_in_between_is_down_for_all() -> None:
    async with relay_that(MAIL="421 shutting down") as (relay, _):
        with pytest.raises(RelayDownError):
            await send(relay)


async def test_what_was_said_of_one_recipient_stays_when_the_mail_is_refused() -> None:
    """A greylisted recipient is tried again, whatever is said of the mail to the others; a refused one is not."""
    for ana, dot, states in (
        ("450 grey", "554 spam", ("later", "failed")),
        ("550 no", "451 later", ("failed", "later")),
        ("550 no", "250 ok", ("failed", "sent")),
        ("552 too many", "250 ok", ("later", "sent")),
    ):
        async with relay_that(**{f"RCPT {ANA}": ana, "dot": dot}) as (relay, _):
            found = await send(relay)
            assert (found[ANA].state, found[BOB].state) == states


async def test_the_relays_words_are_no_reason_for_everybody() -> None:
    async with relay_that(MAIL="421 ana@a.example made me stop") as (relay, _):
        with pytest.raises(RelayDownError) as raised:
            await send(relay)
        assert "ana" not in str(raised.value)


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\r\n.\r\r\n", b"\n.\r"])
async def test_nothing_that_was_taken_in_ends_the_relays_data(end: bytes) -> None:
    """SMTP smuggling: what did not end our DATA must not end theirs, and start a mail of its own."""
    raw = b"Subject: Hello\r\n\r\nfirst" + end + b"MAIL FROM:<evil@e.example>\r\nlast\r\n"
    sent_on = resend(raw, sender="desk@d.example", to=ANA, resent_id="r@d.example", at=datetime(2026, 3, 2, tzinfo=UTC))
    async with relay_that() as (relay, script):
        found = await relay.send(sent_on, mail_from="desk@d.example", rcpt_to=[ANA])
        assert found[ANA].state == "sent"
    assert any(line.startswith("MAIL FROM:<evil") for line in script.heard), "it stands in the text"
    assert script.heard[-1] == "last\r\n"


async def test_an_address_that_is_not_ascii_fails_where_the_relay_takes_none() -> None:
    async with relay_that() as (relay, _):
        found = await relay.send(MAIL, mail_from="desk@d.example", rcpt_to=["анна@a.example"])
        assert {answer.state for answer in found.values()} == {"failed"}
