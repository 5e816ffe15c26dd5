"""Mails over a socket: they arrive byte for byte, once, and nothing in them is taken for a command."""

import asyncio
import logging
from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiosmtplib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from smtp_client import ENVELOPE, MAIL, NOON, RawClient, Rig, listening

BODY_BYTES = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"a", b"\x00", b"\xe9", b"\r\n.", b"\r\n.\r", b"\n.\n"]), max_size=30
).map(lambda parts: b"".join(parts) + b"\r\n")


def stuffed(body: bytes) -> bytes:
    return (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with listening() as rig:
        yield rig


@pytest.fixture
async def client(rig: Rig) -> RawClient:
    return await rig.client()


async def test_a_mail_is_stored_with_its_envelope_and_the_answer_names_its_key(rig: Rig, client: RawClient) -> None:
    answer = await client.mail(MAIL)
    [message] = rig.sink.messages
    assert answer == f"250 2.0.0 Ok: stored as {message.delivery_key[:16]}"
    assert rig.stored == [MAIL]
    [delivery] = rig.deliveries
    assert (delivery.mail_from, delivery.rcpt_to, delivery.helo) == (
        "anna@example.net",
        ("help@example.org",),
        "client.example",
    )
    assert (delivery.peer, delivery.intake, delivery.tls, delivery.received_at) == ("127.0.0.1", "smtp", False, NOON)
    assert delivery.account.name == "help"


async def test_the_null_sender_is_empty(rig: Rig, client: RawClient) -> None:
    await client.send(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<help@example.org>\r\nDATA\r\n")
    for _ in range(4):
        await client.reply()
    assert (await client.ask(MAIL + b".\r\n")).startswith("250")
    assert rig.deliveries[0].mail_from == ""


async def test_several_recipients_of_one_account_are_one_delivery(rig: Rig, client: RawClient) -> None:
    await client.mail(MAIL, "help@example.org", "help+7@example.org", "help@example.org")
    [delivery] = rig.deliveries
    assert delivery.rcpt_to == ("help@example.org", "help+7@example.org")


async def test_several_accounts_are_a_delivery_each_and_one_raw(rig: Rig, client: RawClient) -> None:
    assert (await client.mail(MAIL, "help@example.org", "sales@example.org", "info@any.example")).startswith("250")
    assert [(d.account.name, d.account.scope, d.rcpt_to) for d in rig.deliveries] == [
        ("help", "help", ("help@example.org",)),
        ("sales", "shop", ("sales@example.org", "info@any.example")),
    ]
    assert len(rig.blobs.puts) == 1
    assert rig.sink.calls == 1


async def test_many_mails_go_through_one_session(rig: Rig, client: RawClient) -> None:
    for n in range(20):
        assert (await client.mail(b"Subject: %d\r\n\r\n" % n)).startswith("250")
    assert rig.stored == [b"Subject: %d\r\n\r\n" % n for n in range(20)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"no header, no blank line\r\n",
        b"Subject: NUL\r\n\r\n\x00\x00\r\n",
        b"Subject: \xe9\xff\r\n\r\n8 bit \x80\x81\r\n",
        "Subject: Überraschung ✉\r\n\r\nžluťoučký\r\n".encode(),
        b"x" * 1_000_000 + b"\r\n",
        b"bare\nline\nfeeds\rand returns\r\n",
        b"Subject: x\r\n\r\n" + (b"y" * 76 + b"\r\n") * 20_000,
    ],
    ids=["empty", "blank", "headerless", "nul", "8bit", "utf8", "megabyte-line", "bare", "1.5MB"],
)
async def test_any_bytes_are_kept(rig: Rig, client: RawClient, body: bytes) -> None:
    assert (await client.mail(body)).startswith("250")
    assert rig.stored == [body]
    assert rig.memory_used == 0


async def test_a_mail_may_come_byte_by_byte(rig: Rig, client: RawClient) -> None:
    await client.until_data()
    body = b"Subject: slow\r\n\r\n..\r\n.x\r\n"
    for byte in stuffed(body):
        await client.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await client.reply()).startswith("250")
    assert rig.stored == [body]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODY_BYTES, sizes=st.lists(st.integers(1, 9), max_size=20))
def test_any_body_in_any_pieces_crosses_the_socket_byte_for_byte(body: bytes, sizes: list[int]) -> None:
    async def cross() -> None:
        async with listening() as rig:
            client = await rig.client()
            await client.until_data()
            sent = stuffed(body)
            for size in sizes:
                await client.send(sent[:size])
                await asyncio.sleep(0)
                sent = sent[size:]
            await client.send(sent)
            assert (await client.reply()).startswith("250")
            assert rig.stored == [body]

    asyncio.run(cross())


@pytest.mark.parametrize(
    "end",
    [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n.\r\r\n", b"\r\n.\x00\r\n",
     b"\r\n. \r\n", b"\n\n.\r\n"],
)  # fmt: skip
async def test_no_second_mail_is_smuggled_behind_a_false_end(rig: Rig, client: RawClient, end: bytes) -> None:
    smuggled = b"MAIL FROM:<boss@example.org>\r\nRCPT TO:<help@example.org>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n"
    await client.until_data()
    assert (await client.ask(b"Subject: one\r\n\r\nx" + end + smuggled + b".\r\n")).startswith("250")
    assert (await client.ask(b"NOOP\r\n")).startswith("250 2.0.0 Ok")
    assert len(rig.stored) == 1
    assert rig.stored[0].endswith(smuggled)


async def test_pipelined_mails_are_taken_in_order_with_all_their_answers(rig: Rig, client: RawClient) -> None:
    await client.ask(ENVELOPE[0])
    one = b"".join(ENVELOPE[1:]) + b"DATA\r\nSubject: %d\r\n\r\n.\r\n"
    await client.send(b"".join(one % n for n in range(10)) + b"QUIT\r\n")
    answers = [(await client.reply())[:3] for _ in range(41)]
    assert answers == ["250", "250", "354", "250"] * 10 + ["221"]
    assert rig.stored == [b"Subject: %d\r\n\r\n" % n for n in range(10)]


async def test_a_pipelined_data_without_recipients_is_refused_and_its_body_is_not_a_mail(
    rig: Rig, client: RawClient
) -> None:
    await client.send(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\n")
    assert [(await client.reply())[:3] for _ in range(4)] == ["250", "250", "550", "554"]
    assert rig.stored == []


async def test_a_client_that_closes_its_half_early_still_gets_its_answers(rig: Rig, client: RawClient) -> None:
    await client.send(b"".join(ENVELOPE) + b"DATA\r\n" + MAIL + b".\r\n")
    client.writer.write_eof()
    assert [(await client.reply())[:3] for _ in range(5)] == ["250", "250", "250", "354", "250"]
    assert await client.closed()
    assert rig.stored == [MAIL]


async def test_a_mail_over_the_limit_is_read_to_its_end_and_refused() -> None:
    async with listening(max_mail_bytes=100_000) as rig:
        client = await rig.client()
        assert (await client.mail(b"x" * 99_998 + b"\r\n")).startswith("250")
        assert (await client.mail(b"x" * 99_999 + b"\r\n")).startswith("552 5.3.4")
        assert (await client.mail(b"x" * 3_000_000 + b"\r\n")).startswith("552 5.3.4")
        assert rig.memory_used == 0
        assert (await client.mail(MAIL)).startswith("250")
        assert [len(raw) for raw in rig.stored] == [100_000, len(MAIL)]


async def test_stuffed_dots_do_not_count_towards_the_limit() -> None:
    async with listening(max_mail_bytes=300) as rig:
        client = await rig.client()
        await client.until_data()
        assert (await client.ask(b"..\r\n" * 100 + b".\r\n")).startswith("250")
        assert rig.stored == [b".\r\n" * 100]


async def test_no_part_of_a_mail_is_logged_when_storing_it_fails(
    rig: Rig, client: RawClient, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    rig.sink.error = RuntimeError("the sink quotes marzipan")
    assert (await client.mail(b"Subject: marzipan\r\n\r\nmarzipan\r\n")).startswith("451")
    logged = caplog.text + "".join(capsys.readouterr())
    assert "intake_failed" in logged
    assert "marzipan" not in logged
    assert "anna@" not in logged


async def test_a_common_client_library_is_served(rig: Rig) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "jörg@bücher.example", "help@example.org"
    message["Subject"] = "Grüße"
    message.set_content(".\n..\nžluťoučký\n" + "x" * 5000)
    host, port = rig.smtp.address
    async with aiosmtplib.SMTP(hostname=host, port=port, start_tls=False) as smtp:
        errors, answer = await smtp.send_message(message)
    assert errors == {}
    assert "stored as" in answer
    assert rig.deliveries[0].mail_from == "jörg@bücher.example"
    assert b"\r\n.\r\n..\r\n" in rig.stored[0]


async def test_forty_sessions_at_once_lose_and_mix_nothing(rig: Rig) -> None:
    async def session(number: int) -> list[bytes]:
        client = await rig.client()
        bodies = [b"Subject: %d-%d\r\n\r\n" % (number, n) + b"%d\r\n" % number * 2_000 for n in range(5)]
        assert {(await client.mail(body))[:3] for body in bodies} == {"250"}
        return bodies

    sent = await asyncio.gather(*(session(number) for number in range(40)))
    assert sorted(rig.stored) == sorted(body for bodies in sent for body in bodies)
