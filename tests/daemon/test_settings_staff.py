"""`[staff]` and what else the settings say about whose mail is whose."""

from pathlib import Path

import pytest

from daemon.settings import Settings
from daemon.settings_load import load
from daemon.settings_problems import SettingsError
from daemon.wiring import policies
from router.policy import Strangers

MAIL = """
[smtp]
hostname = "desk.example"
[accounts.support]
addresses = ["Support@Desk.example", "help@desk.example"]
[accounts.support.policy]
strangers = "attach"
"""


def settings(folder: Path, text: str) -> Settings:
    (folder / "switchboard.toml").write_text(text, encoding="utf-8")
    return load(None, {}, folder).settings


def test_staff_is_told_in_any_case_and_own_addresses_count_as_staff(tmp_path: Path) -> None:
    text = f'{MAIL}[staff]\naddresses = ["Rui@Home.example"]\ndomains = ["Work.example"]\n'
    found = policies(settings(tmp_path, text))
    ours = ("rui@home.example", " RUI@home.example", "anybody@work.example", "help@desk.example")
    theirs = ("ana@home.example", "eve@sub.work.example", "eve@notwork.example")
    assert all(found.is_staff(address) for address in ours)
    assert not any(found.is_staff(address) for address in theirs)


def test_without_staff_only_own_addresses_are_no_customers(tmp_path: Path) -> None:
    found = policies(settings(tmp_path, MAIL))
    assert found.is_staff("support@desk.example")
    assert not found.is_staff("ana@a.example")


def test_an_account_writes_from_its_first_address_and_says_what_becomes_of_strangers(tmp_path: Path) -> None:
    found = policies(settings(tmp_path, MAIL))
    assert found.senders["support"].lower() == "support@desk.example"
    assert found.of("support").strangers is Strangers.ATTACH
    assert found.of("another").strangers is Strangers.HOLD


@pytest.mark.parametrize(
    "wrong", ['addresses = ["rui"]', 'addresses = ["*@work.example"]', 'domains = ["a@b.example"]']
)
def test_what_is_no_address_or_domain_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsError):
        settings(tmp_path, f"{MAIL}[staff]\n{wrong}\n")
