"""Settings of accounts and listener, and what is wrong between them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.mail.settings import MailAccountSettings, SmtpSettings, is_loopback, mail_problems


def test_defaults_are_a_listener_of_this_machine_with_the_documented_limits() -> None:
    settings = SmtpSettings()
    assert (settings.host, settings.port, settings.loopback) == ("127.0.0.1", 2525, True)
    assert (settings.max_mail_bytes, settings.data_memory_bytes) == (67_108_864, 268_435_456)


def test_an_account_shares_tickets_with_itself_unless_told_otherwise() -> None:
    assert MailAccountSettings(addresses=("a@b",)).account("help").scope == "help"
    assert MailAccountSettings(addresses=("a@b",), scope="all").account("help").scope == "all"


@pytest.mark.parametrize(
    "pattern", ["", "help", "@example.org", "*@example.org", "he*lp@example.org", "a b@c", "a@b@c", "<a@b>", "a@*b"]
)
def test_a_pattern_that_is_no_address_is_refused_with_what_to_write(pattern: str) -> None:
    with pytest.raises(ValidationError, match="write local@domain"):
        MailAccountSettings(addresses=(pattern,))


@pytest.mark.parametrize("key", ["adresses", "policy"])
def test_an_unknown_key_is_an_error(key: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        MailAccountSettings.model_validate({"addresses": ["a@b"], key: "x"})
    with pytest.raises(ValidationError, match="Extra inputs"):
        SmtpSettings.model_validate({key: "x"})


def test_memory_must_hold_one_mail_and_a_key_needs_its_certificate() -> None:
    with pytest.raises(ValidationError, match="less than max_mail_bytes"):
        SmtpSettings(data_memory_bytes=10, max_mail_bytes=11)
    with pytest.raises(ValidationError, match="tls_cert is not"):
        SmtpSettings(tls_key=Path("key.pem"))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - only asked about
        ("::", False),
        ("192.0.2.1", False),
        ("mail.example.org", False),
    ],
)
def test_only_this_machines_own_addresses_are_loopback(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_everything_wrong_between_accounts_and_listener_is_listed_at_once(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    smtp = SmtpSettings(host="192.0.2.1", tls_cert=tmp_path / "none.pem", spill_folder=file)
    accounts = {
        "one": MailAccountSettings(addresses=("support@*", "help@example.org")),
        "two": MailAccountSettings(addresses=("HELP@example.org",)),
    }
    keys = [key for key, _ in mail_problems(accounts, smtp)]
    assert keys == ["accounts.one.addresses", "accounts.two.addresses", "smtp.tls_cert", "smtp.spill_folder"]


def test_a_wildcard_is_no_problem_while_the_listener_is_loopback() -> None:
    assert mail_problems({"one": MailAccountSettings(addresses=("support@*",))}, SmtpSettings()) == ()
