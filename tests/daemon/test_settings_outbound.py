"""Settings of the way back: what an account writes from, how the relay is spoken to, and which mistakes are found."""

from pathlib import Path

import pytest

from connectors.mail.settings import MailAccountSettings
from daemon.outbound_mail import relay_of
from daemon.settings_load import load
from daemon.settings_outbound import RelaySettings
from daemon.settings_problems import SettingsError


def written(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    """Key and reason of every mistake and warning."""
    file = tmp_path / "switchboard.toml"
    file.write_text(text, encoding="utf-8")
    try:
        return [(problem.key, problem.reason) for problem in load(file, {}, tmp_path).warnings]
    except SettingsError as error:
        return [(problem.key, problem.reason) for problem in error.problems]


@pytest.mark.parametrize(
    ("addresses", "reply_address", "address"),
    [
        (("help@b.example", "sales@b.example"), None, "help@b.example"),
        (("support@*", "help@b.example"), None, "help@b.example"),
        (("support@*",), None, "support@mx.example"),
        (("help@b.example", "sales@b.example"), "sales@b.example", "sales@b.example"),
    ],
)
def test_replies_come_from_an_address_of_the_account(
    addresses: tuple[str, ...], reply_address: str | None, address: str
) -> None:
    account = MailAccountSettings(addresses=addresses, reply_address=reply_address, from_name="Help")
    assert (account.desk("MX.example").address, account.desk("MX.example").name) == (address, "Help")


def test_a_reply_address_that_is_none_of_the_accounts_is_a_mistake(tmp_path: Path) -> None:
    text = '[accounts.a]\nchannel = "mail"\naddresses = ["a@x.example"]\nreply_address = "b@x.example"\n'
    ((key, reason),) = written(tmp_path, text)
    assert key == "accounts.a.reply_address"
    assert "none of its addresses" in reason


def test_a_name_that_would_break_a_header_is_a_mistake(tmp_path: Path) -> None:
    text = '[accounts.a]\nchannel = "mail"\naddresses = ["a@x.example"]\nfrom_name = "A\\r\\nBcc: x@y.example"\n'
    assert [key for key, _ in written(tmp_path, text)] == ["accounts.a.from_name"]


def test_an_account_of_every_domain_is_warned_about_when_it_sends(tmp_path: Path) -> None:
    ((key, reason),) = written(tmp_path, '[outbound.smtp]\nhost = "127.0.0.1"\n')
    assert key == "accounts.support.reply_address"
    assert "support@localhost" in reason


def test_half_a_log_in_is_a_mistake(tmp_path: Path) -> None:
    found = written(tmp_path, '[outbound.smtp]\nusername = "me"\n')
    assert [key for key, _ in found] == ["outbound.smtp.password"]


@pytest.mark.parametrize(
    ("settings", "tls"),
    [
        (RelaySettings(host="127.0.0.1"), "none"),
        (RelaySettings(host="localhost", port=465), "none"),
        (RelaySettings(host="smtp.example"), "starttls"),
        (RelaySettings(host="smtp.example", port=465), "implicit"),
        (RelaySettings.model_validate({"host": "smtp.example", "tls": "none"}), "none"),
        (RelaySettings.model_validate({"host": "127.0.0.1", "tls": "starttls"}), "starttls"),
    ],
)
def test_what_leaves_this_machine_is_encrypted_unless_somebody_says_otherwise(
    settings: RelaySettings, tls: str
) -> None:
    assert relay_of(settings, hostname="mx.example").tls == tls


def test_a_password_never_crosses_the_network_in_the_clear(tmp_path: Path) -> None:
    relay = '[outbound.smtp]\nhost = "{}"\ntls = "none"\nusername = "me"\npassword = "x"\n'
    ((key, reason),) = written(tmp_path, relay.format("relay.example.org"))
    assert (key, "in the clear" in reason) == ("outbound.smtp", True)
    assert written(tmp_path, relay.format("127.0.0.1")) == written(tmp_path, '[outbound.smtp]\nhost = "127.0.0.1"\n')


ERP = """
[accounts.erp]
channel = "api"
secret = "whsec_aW52ZW50ZWQgc2VjcmV0IGZvciB0ZXN0cyBhbG9uZSE="
callback_url = "{url}"
"""


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("https://erp.example.com/answers", ""),
        ("http://10.0.0.5:8080/answers", ""),
        ("http://erp.example.com/answers", "webhooks.allow_hosts"),
        ("https://10.0.0.6/answers", "webhooks.allow_hosts"),
        ("https://user:word@erp.example.com/", "names a user"),
    ],
)
def test_a_callback_to_which_no_request_would_go_is_reported(tmp_path: Path, url: str, wrong: str) -> None:
    allowed = '[webhooks]\nallow_hosts = ["http://10.0.0.5:8080"]\n'
    found = [reason for key, reason in written(tmp_path, ERP.format(url=url) + allowed) if "callback_url" in key]
    assert [wrong in reason for reason in found] == ([True] if wrong else [])
    assert not any(url in reason for reason in found)
