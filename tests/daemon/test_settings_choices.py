"""A key with fixed choices is set by environment as by file."""

from pathlib import Path

from daemon.settings_load import load


def test_a_choice_is_set_by_environment(tmp_path: Path) -> None:
    found = load(None, {"SWITCHBOARD_LOG__LEVEL": "warning", "SWITCHBOARD_LOG__FORMAT": "json"}, tmp_path)
    assert (found.settings.log.level, found.settings.log.format) == ("warning", "json")


def test_a_list_whose_name_comes_before_channel_in_the_alphabet_is_set_by_environment(tmp_path: Path) -> None:
    """The channel says of which kind a key is, so that its variable is heard before the others of its account."""
    form = {
        "SWITCHBOARD_ACCOUNTS__CONTACT__ASK": "name,phone",
        "SWITCHBOARD_ACCOUNTS__CONTACT__CHANNEL": "webform",
        "SWITCHBOARD_ACCOUNTS__CONTACT__SECRET": "an invented secret of a form for tests",
    }
    found = load(None, form, tmp_path).settings.accounts["contact"]
    assert found.model_dump()["ask"] == ("name", "phone")
