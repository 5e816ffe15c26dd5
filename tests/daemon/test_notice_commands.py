"""`notices preview` and `notices list`, as people type them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.cli import main

SETTINGS = """
[accounts.desk]
addresses = ["desk@example.org"]
[accounts.desk.notices]
language = "ru"
sharing_instructions = "https://share.example.org/{{7*7}}"
"""

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Runs a command in a folder with settings; gives exit code, output and complaints."""
    (tmp_path / "switchboard.toml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["switchboard", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(str(ended.value.code)), said.out, said.err

    return run


def test_a_preview_shows_what_would_go_out_in_the_accounts_own_words(typed: Typed) -> None:
    code, out, _ = typed("notices", "preview", "refused_file")
    assert code == 0
    head, _, text = out.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines())
    assert headers["From"] == "desk@example.org"
    assert headers["To"] == "ana@customer.example"
    assert headers["Reply-To"].startswith("desk+r")
    assert headers["Subject"] == "Re: [#482-917-3057] Drawings for the new office"
    assert (headers["Auto-Submitted"], headers["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert text.startswith("Здравствуйте, Ana Costa!")
    assert "drawings.zip (25 МБ)" in text
    assert "https://share.example.org/{{7*7}}" in text


def test_a_preview_takes_language_ticket_and_file(typed: Typed) -> None:
    options = ("--account", "desk", "--language", "pt", "--ticket", "482-917-3057", "--file", "plano.dwg\r\nBcc: x")
    code, out, _ = typed("notices", "preview", "refused_file", *options)
    assert code == 0
    assert "  - plano.dwg Bcc: x (25 MB)" in out
    assert "Chegou bem" in out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("thanks",), "there is no reason 'thanks'; there are: refused_file, receipt, held"),
        (("held", "--language", "de"), "there is no language 'de'; there are: en, pt, ru"),
        (("held", "--account", "x"), "there is no account 'x'; there are: desk"),
        (("held", "--ticket", "123"), "a ticket number has 10 digits"),
    ],
)
def test_a_preview_of_something_that_is_not_there_says_what_is(
    typed: Typed, arguments: tuple[str, ...], complaint: str
) -> None:
    code, out, err = typed("notices", "preview", *arguments)
    assert (code, out) == (2, "")
    assert complaint in err


def test_a_listing_refuses_a_filter_that_nothing_can_fit(typed: Typed) -> None:
    code, _, err = typed("notices", "list", "--state", "lost")
    assert code == 2
    assert "there are: due, sent, suppressed" in err
