"""Texts on a terminal: harmless whoever wrote them, and ticket numbers as people read them out."""

import pytest

from console.safe_text import plain, told


def test_a_ticket_number_in_a_sentence_stands_in_groups() -> None:
    assert (
        told("It names ticket 4829173057, but it is a forward.") == "It names ticket 482-917-3057, but it is a forward."
    )


@pytest.mark.parametrize("text", ["4829173056", "48291730571", "x4829173057", "order 1-4829173057"])
def test_what_is_no_ticket_number_stays_as_it_is(text: str) -> None:
    assert told(text) == text


def test_nothing_that_moves_a_cursor_is_left() -> None:
    assert plain("a\x1b[2Jb\u202ec") == "a [2Jb c"
    assert told("a\x1b[2Jb") == "a [2Jb"
