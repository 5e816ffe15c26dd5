"""Texts of notices: three languages, hostile data, and texts of an operator's own."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from house_tree import ROOT
from hypothesis import given
from hypothesis import strategies as st
from notice_samples import BIG, NUMBER, due

from lifecycle.notice_language import VARIABLES
from lifecycle.notice_texts import (
    IN_CHATS,
    MOST_OUTPUT,
    MOST_SOURCE,
    SHIPPED,
    Filled,
    NoticeText,
    NoticeTextError,
    file_name,
    misfits,
    read_text,
)
from lifecycle.notices import AccountNotices, Language, greeting_name, one_line, shown_size, variables
from schemas.numbers import shown
from schemas.placement import NoticeReason

EVERY = [(reason, language) for reason in NoticeReason for language in Language]
HOSTILE = [
    "{{7*7}}",
    "{% for a in range(9) %}x{% endfor %}",
    "a\r\nBcc: victim@v.example",
    "a\nSubject: other",
    "x\r\n\r\nbody",
    "\u202eevil\u2066",
    "nul\x00 esc\x1b[2J",
    "\ud800lone",
    "line\u2028separator\u2029\x85end",
    "z" * 100_000,
    "<script>alert(1)</script>",
    "=?utf-8?q?x=0D=0ABcc:_y?=",
]


def filled(reason: NoticeReason, language: Language, *, account: AccountNotices | None = None, **more: Any) -> Filled:
    words = account or AccountNotices(language=language)
    values = variables(due(reason=reason, **more), words, language=language, address="help@desk.example")
    return read_text(reason, language, words.templates).fill(values)


@pytest.mark.parametrize(("reason", "language"), EVERY)
def test_every_reason_has_a_text_in_every_language_that_uses_only_what_there_is(
    reason: NoticeReason, language: Language
) -> None:
    text = read_text(reason, language, None)
    assert text.mistakes() == []
    plain = filled(reason, language, sender_name="", subject="", details={})
    full = filled(reason, language)
    assert plain.subject
    assert "Printer" in full.subject
    assert "Ana Costa" in full.text
    assert max(map(len, full.text.splitlines())) < 100
    for made in (plain, full):
        assert not {"{{", "{%", "None", "  \n", "\n\n\n\n"} & {made.text, made.subject}


@pytest.mark.parametrize("language", list(Language))
def test_texts_of_a_language_are_in_its_letters(language: Language) -> None:
    texts = "".join(filled(reason, language, sender_name="", details={}).text for reason in NoticeReason)
    assert ("ё" in texts or "ы" in texts) == (language is Language.RUSSIAN)
    assert ("ã" in texts) == (language is Language.PORTUGUESE)


@pytest.mark.parametrize("language", list(Language))
def test_the_notice_of_a_refused_file_names_ticket_file_size_and_limit(language: Language) -> None:
    made = filled(NoticeReason.REFUSED_FILE, language)
    unit = "МБ" if language is Language.RUSSIAN else "MB"
    assert made.subject == f"Re: [#{shown(NUMBER)}] Printer"
    for part in (shown(NUMBER), "big.zip", f"25 {unit}", f"20 {unit}"):
        assert part in made.text


@pytest.mark.parametrize("language", list(Language))
def test_the_accounts_own_sharing_instructions_go_before_ours(language: Language) -> None:
    account = AccountNotices(sharing_instructions="Use https://share.desk.example\nand {{7*7}}.")
    made = filled(NoticeReason.REFUSED_FILE, language, account=account)
    assert "Use https://share.desk.example\nand {{7*7}}." in made.text
    assert len(made.text) < len(filled(NoticeReason.REFUSED_FILE, language).text) + 60


def test_a_file_too_many_is_not_called_too_large() -> None:
    small = {"name": "101.txt", "size": 10, "state": "refused"}
    made = filled(NoticeReason.REFUSED_FILE, Language.ENGLISH, details={"files": [small, {"name": "kept.txt"}]})
    assert "101.txt (10 bytes; too many files in one message)" in made.text
    assert "kept.txt" not in made.text


def test_only_ten_refused_files_are_named() -> None:
    files = [{**BIG, "name": f"file-{number}.zip"} for number in range(40)]
    made = filled(NoticeReason.REFUSED_FILE, Language.ENGLISH, details={"files": files})
    assert made.text.count(".zip") == 10
    assert "and 30 more" in made.text


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(("reason", "language"), EVERY)
def test_what_the_sender_wrote_stays_short_plain_words(hostile: str, reason: NoticeReason, language: Language) -> None:
    file = {**BIG, "name": hostile}
    made = filled(reason, language, sender_name=hostile, subject=hostile, details={"files": [file]})
    usual = filled(reason, language, sender_name="", subject="s", details={"files": [{**BIG, "name": "f"}]})
    assert len(made.subject.splitlines()) == 1
    assert made.text.count("\n") == usual.text.count("\n")
    assert "49" not in made.subject + made.text.replace("482-917-3057", "")
    assert not any(line.lower().startswith(("bcc:", "subject:")) for line in made.text.splitlines())
    assert not set(made.subject + made.text) & set("\r\x00\x1b\u202e\u2066\ud800\u2028\x85")
    assert len(made.subject) <= 200
    assert len(made.text) < len(usual.text) + 200


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_nothing_that_a_sender_writes_makes_a_second_header_line(name: str, subject: str, file: str) -> None:
    made = filled(
        NoticeReason.REFUSED_FILE,
        Language.PORTUGUESE,
        sender_name=name,
        subject=subject,
        details={"files": [{**BIG, "name": file}]},
    )
    assert "\n" not in made.subject
    assert made.subject.isprintable() or not made.subject.isascii()
    made.text.encode()


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Ana Costa", "Ana Costa"),
        ("Анна Петрова", "Анна Петрова"),
        ("O'Neill, Pat", "O'Neill, Pat"),
        ("Dr. Ana Costa", "Dr. Ana Costa"),
        ("ana@a.example", ""),
        ("Win money at https://x.example", ""),
        ("visit x.example now", ""),
        ("{{7*7}}", ""),
        ("call 555 1234", ""),
        ("a" * 41, ""),
        ("", ""),
    ],
)
def test_a_greeting_uses_a_name_only_if_it_is_nothing_more(name: str, greeted: str) -> None:
    assert greeting_name(name) == greeted


@pytest.mark.parametrize(
    ("size", "language", "shown_as"),
    [
        (0, Language.ENGLISH, "0 bytes"),
        (26_214_400, Language.ENGLISH, "25 MB"),
        (26_529_000, Language.ENGLISH, "25.3 MB"),
        (26_529_000, Language.PORTUGUESE, "25,3 MB"),
        (26_529_000, Language.RUSSIAN, "25,3 МБ"),
        (5 * 1024**4, Language.ENGLISH, "5120 GB"),
    ],
)
def test_a_size_is_written_as_people_of_the_language_write_it(size: int, language: Language, shown_as: str) -> None:
    assert shown_size(size, language) == shown_as


def test_a_line_is_cut_at_its_limit() -> None:
    assert one_line("a\tb\n c" + "d" * 100, 8) == "a b cdd…"


def test_every_variable_that_the_language_has_is_given(tmp_path: Path) -> None:
    values = variables(due(), AccountNotices(), language=Language.ENGLISH, address="help@desk.example")
    assert values.keys() == VARIABLES
    assert list(misfits(tmp_path)) == []


def own(folder: Path, source: str, name: str = "receipt.en.txt") -> AccountNotices:
    (folder / name).write_text(source, encoding="utf-8")
    return AccountNotices(templates=folder)


def test_an_operators_text_goes_before_ours_and_ours_stands_in_for_the_rest(tmp_path: Path) -> None:
    account = own(tmp_path, "Subject: Got {{ ticket }}\r\nThanks, {{ name }}.\r\n")
    made = filled(NoticeReason.RECEIPT, Language.ENGLISH, account=account)
    assert made == Filled(subject=f"Got {shown(NUMBER)}", text="Thanks, Ana Costa.\n")
    assert "Obrigado" not in made.text
    assert "obrigado" in filled(NoticeReason.RECEIPT, Language.PORTUGUESE, account=account).text


@pytest.mark.parametrize(
    ("source", "line", "word"),
    [
        ("Hello", 1, "Subject:"),
        ("Subject: x\n\n\n{{ nobody }}", 4, "'nobody'"),
        ("Subject: {{ nobody }}\nx", 1, "'nobody'"),
        ("Subject: x\n \n", 2, "no text"),
        ("Subject: x\n" + "y" * MOST_SOURCE, 1, "bytes"),
    ],
)
def test_what_is_wrong_in_an_operators_text_is_found_with_its_line(
    tmp_path: Path, source: str, line: int, word: str
) -> None:
    account = own(tmp_path, source)
    (found,) = misfits(tmp_path)
    assert (found.file.name, found.line, word in found.reason) == ("receipt.en.txt", line, True), found
    with pytest.raises(NoticeTextError, match=f"receipt.en.txt, line {line}"):
        filled(NoticeReason.RECEIPT, Language.ENGLISH, account=account)


def test_a_text_that_nothing_looks_for_and_one_that_is_no_text_are_found(tmp_path: Path) -> None:
    own(tmp_path, "Subject: x\ny", "reciept.en.txt")
    (tmp_path / "held.ru.txt").write_bytes(b"Subject: \xff\n")
    assert [(found.file.name, found.line) for found in misfits(tmp_path)] == [("held.ru.txt", 1), ("reciept.en.txt", 1)]


def test_what_a_text_makes_is_limited() -> None:
    text = NoticeText(name="own", source="Subject: x\n{% for f in files %}" + "y" * 5_000 + "{% endfor %}")
    values = variables(
        due(details={"files": [BIG] * 10}), AccountNotices(), language=Language.ENGLISH, address="a@b.example"
    )
    assert text.mistakes() == []
    with pytest.raises(NoticeTextError, match=str(MOST_OUTPUT)):
        text.fill(values)


def test_the_texts_lie_where_the_wheel_takes_them_from() -> None:
    """Hatch ships every file of a package that version control does not ignore."""
    chats = [file_name(reason, language, chat=True) for reason in IN_CHATS for language in Language]
    assert sorted(path.name for path in SHIPPED.iterdir()) == sorted([*chats, *(file_name(*one) for one in EVERY)])
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert "lifecycle" in wheel["wheel"]["packages"]
    assert not {"exclude", "only-include", "artifacts"} & wheel["wheel"].keys()
