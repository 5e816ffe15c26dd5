"""STARTTLS with a certificate made for the test; nothing said before it counts after it."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from smtp_certificate import self_signed
from smtp_client import ENVELOPE, MAIL, RawClient, Rig, listening

from connectors.mail.settings import SmtpSettings
from connectors.mail.smtp_tls import tls_context


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def rig(certificate: Path) -> AsyncIterator[Rig]:
    async with listening(tls=tls_context(SmtpSettings(tls_cert=certificate)), tls_seconds=0.5) as rig:
        yield rig


@pytest.fixture
async def client(rig: Rig) -> RawClient:
    client = await rig.client()
    assert "250-STARTTLS" in await client.ask(ENVELOPE[0])
    return client


async def test_a_mail_over_tls_is_marked_so(rig: Rig, client: RawClient) -> None:
    assert await client.ask(b"STARTTLS\r\n") == "220 2.0.0 Ready to start TLS"
    await client.start_tls()
    assert (await client.mail(MAIL * 20_000)).startswith("250")
    assert rig.stored == [MAIL * 20_000]
    assert rig.deliveries[0].tls
    assert await client.ask(b"QUIT\r\n") == "221 2.0.0 Bye"


async def test_tls_begins_a_new_session_and_is_not_offered_again(client: RawClient) -> None:
    await client.ask(b"STARTTLS\r\n")
    await client.start_tls()
    assert (await client.ask(ENVELOPE[1])).startswith("503 5.5.1 Send EHLO")
    assert "STARTTLS" not in await client.ask(ENVELOPE[0])
    assert (await client.ask(b"STARTTLS\r\n")).startswith("503")


async def test_the_envelope_of_before_is_forgotten(client: RawClient) -> None:
    await client.ask(ENVELOPE[1])
    await client.ask(ENVELOPE[2])
    await client.ask(b"STARTTLS\r\n")
    await client.start_tls()
    await client.ask(ENVELOPE[0])
    assert (await client.ask(b"DATA\r\n")).startswith("503")


async def test_commands_injected_behind_starttls_are_never_run(rig: Rig, client: RawClient) -> None:
    injected = b"".join(ENVELOPE) + b"DATA\r\nSubject: injected\r\n\r\n.\r\n"
    assert (await client.ask(b"STARTTLS\r\n" + injected)).startswith("220")
    await client.start_tls()
    assert (await client.ask(b"NOOP\r\n")) == "250 2.0.0 Ok"
    assert (await client.ask(b"DATA\r\n")).startswith("503")
    assert rig.stored == []


async def test_plain_commands_during_the_handshake_end_the_connection(rig: Rig, client: RawClient) -> None:
    await client.ask(b"STARTTLS\r\n")
    await client.send(b"".join(ENVELOPE) + b"DATA\r\nx\r\n.\r\n")
    answer = await client.reader.read()  # at most an alert of TLS
    assert b"250" not in answer
    await rig.quiet()
    assert rig.stored == []


async def test_a_handshake_that_never_comes_has_a_time_limit(rig: Rig, client: RawClient) -> None:
    await client.ask(b"STARTTLS\r\n")
    assert await client.closed()
    await rig.quiet()


async def test_starttls_takes_no_argument(client: RawClient) -> None:
    assert (await client.ask(b"STARTTLS now\r\n")).startswith("501")


async def test_a_client_that_is_gone_while_we_store_has_its_mail_stored_once(rig: Rig, client: RawClient) -> None:
    rig.sink.open.clear()
    await client.ask(b"STARTTLS\r\n")
    await client.start_tls()
    await client.until_data()
    await client.send(MAIL + b".\r\n")
    await rig.sink.entered.wait()
    client.vanish()
    rig.sink.open.set()
    await rig.quiet()
    assert rig.stored == [MAIL]


def test_a_certificate_that_cannot_be_loaded_says_which_and_why(tmp_path: Path) -> None:
    file = tmp_path / "bad.pem"
    file.write_text("nonsense")
    with pytest.raises(ValueError, match=r"smtp\.tls_cert: .*bad\.pem"):
        tls_context(SmtpSettings(tls_cert=file))
    with pytest.raises(ValueError, match="No such file"):
        tls_context(SmtpSettings(tls_cert=tmp_path / "none.pem"))
    assert tls_context(SmtpSettings()) is None


def test_old_versions_of_tls_are_not_spoken(certificate: Path) -> None:
    context = tls_context(SmtpSettings(tls_cert=certificate))
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
