"""The language of notice texts: what it refuses and where, and that whatever it accepts ends soon and stays small."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notice_samples import BIG, due

from lifecycle.notice_language import mistakes
from lifecycle.notice_texts import MOST_OUTPUT, NoticeText, NoticeTextError
from lifecycle.notices import AccountNotices, Language, variables


@pytest.mark.parametrize(
    ("source", "line", "word"),
    [
        ("{{ nme }}", 1, "'nme'"),
        ("\n\n{{ file.name }}", 3, "file"),
        ("{% for file in files %}\n{{ file.nmae }}{% endfor %}", 2, "'nmae'"),
        ("{% for i in range(10) %}{% endfor %}", 1, "files alone"),
        ("{% for a in files %}{% for b in files %}{% endfor %}{% endfor %}", 1, "another"),
        ("{% for a in files if a %}{% endfor %}", 1, "condition"),
        ("{{ 'a' * 1000000000 }}", 1, "mul"),
        ("{{ '%1000000000d' % 1 }}", 1, "mod"),
        ("{{ name | center(1000000000) }}", 1, "'center'"),
        ("{{ name.format(1) }}", 1, "call"),
        ("{{ name.__class__.__mro__ }}", 1, "parts"),
        ("{{ files[0] }}", 1, "getitem"),
        ("{% include '/etc/passwd' %}", 1, "include"),
        ("{% set x = 'y' %}", 1, "assign"),
        ("{% macro m() %}{% endmacro %}", 1, "macro"),
        ("a\n{% if name %}", 2, "endif"),
        ("{{ name", 1, "end of"),
    ],
)
def test_a_text_that_could_do_more_than_tell_is_refused_with_its_line(source: str, line: int, word: str) -> None:
    found = mistakes(source)
    assert (found[0].line, word in found[0].reason) == (line, True), found


@pytest.mark.parametrize("depth", [20, 60, 90, 120, 200, 900])
def test_a_text_that_is_accepted_can_be_filled_in_however_deep(depth: int) -> None:
    source = "Subject: x\n" + "{% if name %}" * depth + "y" + "{% endif %}" * depth
    text = NoticeText(name="deep", source=source)
    if text.mistakes():
        assert depth > 60
        return
    values = variables(due(), AccountNotices(), language=Language.ENGLISH, address="a@b.example")
    assert text.fill(values).text == "y\n"


PIECES = [
    *(
        "x",
        "\n",
        " ",
        "{{ name }}",
        "{{ subject | upper }}",
        "{{ files }}",
        "{{ files | length }}",
        "{{ tag or ticket }}",
    ),
    *("{% if name %}", "{% elif tag == name %}", "{% else %}", "{% endif %}", "{% if file.too_big %}"),
    *(
        "{% for file in files %}",
        "{% endfor %}",
        "{{ file.name }}",
        "{{ file.size }}",
        "{{ limit if tag else address }}",
    ),
    *(
        "{{ 'a' * 9 }}",
        "{{ loop.index }}",
        "{% set a = 1 %}",
        "{{ range(9) }}",
        "{{ file.__class__ }}",
        "{{",
        "{#",
        "#}",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_every_text_that_is_accepted_is_filled_in_and_stays_small(pieces: list[str]) -> None:
    text = NoticeText(name="own", source="Subject: x\ny" + "".join(pieces))
    if text.mistakes():
        return
    assert not any(piece in text.source for piece in ("range", "__class__", "loop", "set a", "* 9")) or "{#" in pieces
    files = [{**BIG, "name": "f" * 300}] * 30
    words = AccountNotices(sharing_instructions="s" * 2000)
    values = variables(due(details={"files": files}), words, language=Language.ENGLISH, address="a@b.example")
    try:
        made = text.fill(values)
    except NoticeTextError as error:
        assert str(MOST_OUTPUT) in str(error)  # noqa: PT017 - either is right
    else:
        assert len(made.text) <= MOST_OUTPUT


def test_a_text_nested_without_end_is_refused() -> None:
    assert mistakes("{% if name %}" * 1_000 + "{% endif %}" * 1_000) != []
    assert mistakes("{{ " + "(" * 2_000 + "name" + ")" * 2_000 + " }}") != []
