"""What the listener answers to commands. Every answer is read from a socket."""

import logging
from collections.abc import AsyncIterator

import pytest
from smtp_client import ENVELOPE, RawClient, Rig, listening


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with listening(max_mail_bytes=1000, max_recipients=3, max_line_bytes=512) as rig:
        yield rig


@pytest.fixture
async def client(rig: Rig) -> RawClient:
    return await rig.client()


@pytest.fixture
async def greeted(client: RawClient) -> RawClient:
    await client.ask(b"EHLO client.example\r\n")
    return client


async def test_the_greeting_names_the_host(rig: Rig) -> None:
    client = await rig.connect()
    assert await client.reply() == "220 localhost ESMTP Switchboard"


async def test_ehlo_offers_what_is_implemented_and_nothing_else(client: RawClient) -> None:
    offered = (await client.ask(b"EHLO client.example\r\n")).split("\n")
    assert offered == [
        "250-localhost",
        "250-SIZE 1000",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-PIPELINING",
        "250 ENHANCEDSTATUSCODES",
    ]


async def test_helo_is_answered_in_one_line(client: RawClient) -> None:
    assert await client.ask(b"HELO old.example\r\n") == "250 localhost"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"NOOP", "250 2.0.0"), (b"NOOP whatever", "250 2.0.0"), (b"noop", "250 2.0.0"), (b"RSET", "250 2.0.0"),
        (b"RSET x", "501 5.5.4"), (b"HELP", "214 2.0.0"), (b"HELP MAIL", "214 2.0.0"),
        (b"VRFY help@example.org", "252 2.5.2"),
        (b"VRFY", "501 5.5.4"), (b"EXPN list", "502 5.5.1"), (b"AUTH PLAIN AGEAYg==", "502 5.5.1"),
        (b"STARTTLS", "454 4.7.0"),
        (b"BDAT 10 LAST", "500 5.5.2"), (b"WHAT", "500 5.5.2"), (b"", "500 5.5.2"), (b"\xff\xfe", "500 5.5.2"),
        (b"NOOP \xff", "500 5.5.2"), (b"NOOP a\x00b", "500 5.5.2"), (b"NOOP a\rb", "500 5.5.2"),
        (b"QUIT now", "501 5.5.4"),
        (b"EHLO", "501 5.5.4"), (b"HELO", "501 5.5.4"), (b"x" * 600, "500 5.5.2"), (b"x" * 100_000, "500 5.5.2"),
        (b"_handle_client", "500 5.5.2"), (b"smtp_NOOP", "500 5.5.2"),
        (b"MAIL", "501 5.5.4"), (b"MAIL FROM", "501 5.5.4"), (b"MAIL FROM:<a@b", "553 5.1.7"),
        (b"MAIL FROM:<a>", "553 5.1.7"),
        (b"MAIL FROM:", "553 5.1.7"), (b"MAIL FROM:<@relay.example:a@b>", "553 5.1.7"),
        (b"MAIL FROM:<a@b>", "250 2.1.0"), (b"mail from:<a@b>", "250 2.1.0"), (b"MAIL FROM: <a@b>", "250 2.1.0"),
        (b"MAIL FROM:<>", "250 2.1.0"), (b"MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8", "250 2.1.0"),
        ("MAIL FROM:<jörg@bücher.example> SMTPUTF8".encode(), "250 2.1.0"),
        (b"MAIL FROM:<a@b> SIZE=1000", "250 2.1.0"), (b"MAIL FROM:<a@b> SIZE=1001", "552 5.3.4"),
        (b"MAIL FROM:<a@b> SIZE=" + b"9" * 20, "552 5.3.4"), (b"MAIL FROM:<a@b> SIZE=" + b"9" * 200, "501 5.5.4"),
        (b"MAIL FROM:<a@b> SIZE=-1", "501 5.5.4"), (b"MAIL FROM:<a@b> SIZE", "501 5.5.4"),
        ("MAIL FROM:<a@b> SIZE=\u0663".encode(), "501 5.5.4"), (b"MAIL FROM:<a@b> BODY=BINARYMIME", "501 5.5.4"),
        (b"MAIL FROM:<a@b> SMTPUTF8=1", "555 5.5.4"), (b"MAIL FROM:<a@b> RET=FULL", "555 5.5.4"),
        (b"RCPT TO:<help@example.org>", "503 5.5.1"), (b"DATA", "503 5.5.1"),
    ],
)  # fmt: skip
async def test_a_command_has_its_answer_and_the_session_goes_on(
    greeted: RawClient, command: bytes, answer: str
) -> None:
    assert (await greeted.ask(command + b"\r\n")).startswith(answer)
    assert (await greeted.ask(b"NOOP\r\n")).startswith("250")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"RCPT TO:<help@example.org>", "250 2.1.5"), (b"rcpt to:<HELP@EXAMPLE.ORG>", "250 2.1.5"),
        (b"RCPT TO:<info@anywhere.example>", "250 2.1.5"), ("RCPT TO:<hilfe@bücher.example>".encode(), "250 2.1.5"),
        (b'RCPT TO:<"help"@example.org>', "250 2.1.5"), (b"RCPT TO:<help+tag@example.org>", "250 2.1.5"),
        (b"RCPT TO:<someone@example.org>", "550 5.1.1"), (b"RCPT TO:<help@elsewhere.example>", "550 5.1.1"),
        (b"RCPT TO:<victim%elsewhere.example@example.org>", "550 5.1.1"),
        (b"RCPT TO:<victim@elsewhere.example@example.org>", "550 5.1.1"),
        (b"RCPT TO:<elsewhere.example!victim@example.org>", "550 5.1.1"),
        (b'RCPT TO:<"victim@elsewhere.example"@example.org>', "550 5.1.1"),
        (b"RCPT TO:<@example.org:victim@elsewhere.example>", "553 5.1.3"), (b"RCPT TO:<>", "553 5.1.3"),
        (b"RCPT TO:", "553 5.1.3"),
        (b"RCPT", "501 5.5.4"), (b"RCPT TO", "501 5.5.4"), (b"RCPT TO:<help@example.org> NOTIFY=NEVER", "555 5.5.4"),
        (b"MAIL FROM:<again@b>", "503 5.5.1"), (b"DATA", "554 5.5.1"),
    ],
)  # fmt: skip
async def test_only_recipients_of_an_account_are_taken(greeted: RawClient, command: bytes, answer: str) -> None:
    await greeted.ask(b"MAIL FROM:<a@b>\r\n")
    assert (await greeted.ask(command + b"\r\n")).startswith(answer)


async def test_commands_come_after_a_greeting(client: RawClient) -> None:
    assert (await client.ask(b"MAIL FROM:<a@b>\r\n")).startswith("503 5.5.1")


async def test_recipients_over_the_limit_are_asked_to_come_in_another_mail(greeted: RawClient) -> None:
    await greeted.ask(b"MAIL FROM:<a@b>\r\n")
    answers = [await greeted.ask(b"RCPT TO:<help+%d@example.org>\r\n" % n) for n in range(4)]
    assert [answer[:3] for answer in answers] == ["250", "250", "250", "452"]


async def test_rset_and_a_second_ehlo_forget_the_envelope(greeted: RawClient) -> None:
    for forget in (b"RSET\r\n", b"EHLO again.example\r\n"):
        await greeted.ask(b"MAIL FROM:<a@b>\r\n")
        await greeted.ask(b"RCPT TO:<help@example.org>\r\n")
        await greeted.ask(forget)
        assert (await greeted.ask(b"DATA\r\n")).startswith("503")


async def test_quit_says_goodbye_and_closes(greeted: RawClient) -> None:
    assert await greeted.ask(b"QUIT\r\n") == "221 2.0.0 Bye"
    assert await greeted.closed()


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n", b"Host: localhost\r\n"])
async def test_a_browser_is_sent_away_before_its_body_is_read_as_commands(rig: Rig, first: bytes) -> None:
    client = await rig.client()
    assert (await client.ask(first + b"".join(ENVELOPE) + b"DATA\r\nx\r\n.\r\n")).startswith("421 4.7.0")
    await client.closed()
    assert rig.stored == []


async def test_a_line_end_without_carriage_return_ends_a_command(greeted: RawClient) -> None:
    assert (await greeted.ask(b"NOOP\n")).startswith("250")


async def test_nothing_a_client_says_is_logged_at_any_level(
    rig: Rig, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    client = await rig.client()
    await client.mail(b"Subject: confidential\r\n\r\nthe secret word is marzipan\r\n")
    await client.ask(b"RCPT TO:<nobody@secret.example>\r\n")
    await client.ask(b"QUIT\r\n")
    logged = caplog.text + "".join(capsys.readouterr())
    for word in ("confidential", "marzipan", "anna@", "help@", "secret.example"):
        assert word not in logged
