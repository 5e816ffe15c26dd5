"""A key with fixed choices is set by environment as by file."""

from pathlib import Path

from daemon.settings_load import load


def test_a_choice_is_set_by_environment(tmp_path: Path) -> None:
    found = load(None, {"SWITCHBOARD_LOG__LEVEL": "warning", "SWITCHBOARD_LOG__FORMAT": "json"}, tmp_path)
    assert (found.settings.log.level, found.settings.log.format) == ("warning", "json")
