"""Whose an address is."""

import pytest

from connectors.mail.settings import MailAccountSettings
from connectors.mail.smtp_address import AccountDirectory, Path, parse_path

DIRECTORY = AccountDirectory(
    accounts={
        "help": MailAccountSettings(addresses=("help@example.org", "hilfe@bücher.example"), subaddresses=True),
        "any": MailAccountSettings(addresses=("support@*",)),
        "exact": MailAccountSettings(addresses=("support@exact.example", "Jürgen@example.org")),
        "master": MailAccountSettings(addresses=("postmaster@example.org",)),
    }
)


@pytest.mark.parametrize(
    ("address", "account"),
    [
        ("help@example.org", "help"),
        ("HELP@Example.ORG", "help"),
        ("help@example.org.", "help"),
        ('"help"@example.org', "help"),
        ('"h\\elp"@example.org', "help"),
        ("help+ticket-7@example.org", "help"),
        ("hilfe@bücher.example", "help"),
        ("hilfe@xn--bcher-kva.example", "help"),
        ("hilfe@BÜCHER.example", "help"),
        ("jürgen@example.org", "exact"),
        ("JU\u0308RGEN@example.org", "exact"),
        ("support@anything.example", "any"),
        ("support@exact.example", "exact"),
        ("support@[127.0.0.1]", "any"),
        ("postmaster", "master"),
        ("Postmaster", "master"),
    ],
)
def test_addresses_of_an_account_find_it(address: str, account: str) -> None:
    found = DIRECTORY.find(address)
    assert found is not None
    assert found.name == account


@pytest.mark.parametrize(
    "address",
    [
        "", "@", "help", "help@", "@example.org", "helper@example.org", "help@example.net", "help@sub.example.org",
        "help@example.org@evil.example", "evil@elsewhere.example@example.org", "help%evil.example@example.org",
        "evil.example!help@example.org", "support@", "support+tag@anything.example", "*@example.org",
        "support@*", "support@*.", "support@*x@*",
        '"help@example.org', '"@example.org', "help@" + "ü" * 300, "root", "+x@example.org",
    ],
)  # fmt: skip
def test_all_other_addresses_are_nobodys(address: str) -> None:
    assert DIRECTORY.find(address) is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("<a@b>", Path("a@b", ())),
        (" <a@b>  SIZE=3 BODY=7BIT", Path("a@b", ("SIZE=3", "BODY=7BIT"))),
        ("<>", Path("", ())),
        ("a@b", Path("a@b", ())),
        ('<"a b>c"@d>', Path('"a b>c"@d', ())),
        ('<"a\\"b"@d>', Path('"a\\"b"@d', ())),
    ],
)
def test_paths_are_split_from_parameters(text: str, path: Path) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "<a@b",
        "a@b>",
        "<a b@c>",
        "<a@b>x",
        "<<a@b>>",
        '<"a@b>',
        "<@relay:a@b>",
        "<@x,@y:a@b>",
        f"<{'a' * 400}@b>",
    ],
)
def test_what_is_no_path_is_none(text: str) -> None:
    assert parse_path(text) is None
