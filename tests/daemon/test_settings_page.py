"""The page of settings is that of the models, and says everything of every key."""

import pytest

from daemon.settings_keys import meant, tables
from daemon.settings_page import PAGE, page, unit

KEYS = [key for table in tables() for key in table.keys]


def test_the_page_of_settings_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m daemon.settings_page"


def test_every_key_has_a_meaning() -> None:
    assert [key.variable for key in KEYS if not key.field.description] == []


def test_every_number_that_is_no_count_has_a_unit() -> None:
    assert [key.variable for key in KEYS if "float" in str(key.field.annotation) and not unit(key)] == []


def test_sections_inside_sections_and_accounts_are_on_the_page() -> None:
    variables = {key.variable for key in KEYS}
    assert {
        "SWITCHBOARD_SMTP__ASSESS__DNS_SERVERS",
        "SWITCHBOARD_BUS__KAFKA__SSL_CAFILE",
        "SWITCHBOARD_ACCOUNTS__NAME__POLICY__TAKES",
    } <= variables


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("SWITCHBOARD_SMTP_PORT", "SWITCHBOARD_SMTP__PORT"),
        ("SWITCHBOARD_SMTP__ASSESS_ENABLED", "SWITCHBOARD_SMTP__ASSESS__ENABLED"),
        ("SWITCHBOARD_ACCOUNTS_MY_DESK_ADDRESSES", "SWITCHBOARD_ACCOUNTS__MY_DESK__ADDRESSES"),
        ("SWITCHBOARD_DATA__DIR", "SWITCHBOARD_DATA_DIR"),
        ("SWITCHBOARD_NOTHING_LIKE_IT", None),
    ],
)
def test_a_variable_with_a_wrong_underscore_leads_to_the_right_one(written: str, right: str | None) -> None:
    assert meant(written) == right
