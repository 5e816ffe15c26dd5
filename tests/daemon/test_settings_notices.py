"""Settings of notices: where they are written, what the router and the worker get of them, and what `check` finds."""

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.settings_load import Loaded, load
from daemon.settings_problems import SettingsError
from daemon.wiring import policies
from lifecycle.notices import AccountNotices, Language, Limits
from router.notice_policy import NoticePolicy
from schemas.placement import NoticeReason

MAIL = '[accounts.desk]\naddresses = ["desk@example.org"]\n'


def loaded(folder: Path, text: str, **variables: str) -> Loaded:
    (folder / "switchboard.toml").write_text(text, encoding="utf-8")
    return load(None, variables, folder)


def said(folder: Path, text: str) -> list[str]:
    """Give what is wrong, without the folder's name."""
    try:
        problems = loaded(folder, text).warnings
    except SettingsError as error:
        problems = error.problems
    return [problem.plain().replace(f"{folder}/", "") for problem in problems]


def test_an_account_tells_of_refused_files_in_english_unless_it_says_otherwise(tmp_path: Path) -> None:
    found = loaded(tmp_path, MAIL).settings
    assert found.account_notices["desk"].account() == AccountNotices(
        reasons=frozenset({NoticeReason.REFUSED_FILE}), language=Language.ENGLISH
    )
    assert found.notices.limits() == Limits(per_address_a_day=5, max_age=timedelta(hours=24))
    assert policies(found).of("desk").notices == NoticePolicy()


def test_everything_can_be_set_by_file_and_by_environment(tmp_path: Path) -> None:
    text = f"""{MAIL}
    [accounts.desk.policy]
    takes = "replies"
    [accounts.desk.notices]
    language = "pt"
    refused_file = false
    held = true
    sharing_instructions = "https://share.example.org"
    templates = "texts"
    [notices]
    max_age_hours = 2
    """
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "held.pt.txt").write_text("Subject: x\ny\n", encoding="utf-8")
    variables = {
        "SWITCHBOARD_ACCOUNTS__DESK__NOTICES__RECEIPT": "true",
        "SWITCHBOARD_NOTICES__PER_ADDRESS_A_DAY": "2",
        "SWITCHBOARD_ACCOUNTS__DESK__NOTICES__TEMPLATES": str(tmp_path / "texts"),
    }
    found = loaded(tmp_path, text, **variables).settings
    account = found.account_notices["desk"].account()
    assert account.reasons == {NoticeReason.HELD, NoticeReason.RECEIPT}
    assert (account.language, account.templates) == (Language.PORTUGUESE, tmp_path / "texts")
    assert policies(found).of("desk").notices == NoticePolicy(
        refused_file=False, receipt=True, held=True, max_age=timedelta(hours=2)
    )
    assert found.notices.per_address_a_day == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[accounts.desk.notices]\nlang = 1",
            ["error: switchboard.toml:4: accounts.desk.notices.lang: there is no such"],
        ),
        (
            '[accounts.desk.notices]\nlanguage = "de"',
            ["error: switchboard.toml:4: accounts.desk.notices.language: "],
        ),
        (
            '[accounts.desk.notices]\ntemplates = "nowhere"',
            ["error: switchboard.toml:4: accounts.desk.notices.templates: there is no folder nowhere"],
        ),
        (
            "[accounts.desk.notices]\nheld = true",
            ["warning: switchboard.toml:4: accounts.desk.notices.held: no message is held for that"],
        ),
        ("[account_notices.desk]\nheld = true", ["account_notices: write [accounts.NAME.notices]"]),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = said(tmp_path, MAIL + text)
    assert len(found) == len(expected)
    assert all(part in line for part, line in zip(expected, found, strict=True)), found


def test_what_is_wrong_in_own_texts_is_named_with_the_line_in_them(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "receipt.pt.txt").write_text("Subject: {{ tag }}\n\nBom dia {{ nome }}\n{% for i in x %}{% endfor %}")
    (folder / "recibo.pt.txt").write_text("Subject: x\ny")
    found = said(tmp_path, f'{MAIL}[accounts.desk.notices]\ntemplates = "{folder}"')
    assert sorted(line.partition(": accounts.desk.notices.templates: ")[0] for line in found) == [
        "error: texts/receipt.pt.txt:3",
        "error: texts/receipt.pt.txt:4",
        "error: texts/recibo.pt.txt:1",
    ]
    assert "there is no 'nome'; there are: address" in "\n".join(found)
