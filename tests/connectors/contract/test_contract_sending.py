"""docs/specs/connector.md, "The way back": how a letter is cut, before anything is sent."""

import json
from collections.abc import Iterator

import pytest
from recorded import Recording, recordings

from connectors.sending import CannotSendError, ChatFile, ChatLetter, Collected, Part, Sender

FIRST = list({(recording.channel, str(recording.settings)): recording for recording in recordings()}.values())
FILE = ChatFile(name="report.pdf", content_type="application/pdf", size=2_000_000, sha256="a" * 64)
LONG = "Ответ по вашему заказе 🙂 " * 2000


def senders() -> Iterator[tuple[Recording, Sender | Collected]]:
    for recording in FIRST:
        connector = recording.connect()
        if isinstance(connector, Sender | Collected):
            yield recording, connector


def letter(text: str, files: tuple[ChatFile, ...] = ()) -> ChatLetter:
    return ChatLetter(number=7, to="1001", text=text, files=files)


@pytest.mark.parametrize("given", [letter("Hello"), letter(LONG), letter("See it", (FILE,)), letter("", (FILE, FILE))])
def test_a_letter_is_cut_into_parts_that_can_be_kept_and_sent_again(given: ChatLetter) -> None:
    """C30: the same parts every time, numbered, to one conversation, as JSON, without a secret."""
    for recording, sender in senders():
        parts = _split(sender, given)
        assert parts == _split(sender, given)
        assert [part.index for part in parts] == list(range(len(parts)))
        assert {part.to for part in parts} <= {given.to}
        written = json.dumps([dict(part.payload) for part in parts], ensure_ascii=False)
        assert not [secret for secret in recording.secrets if secret in written]


def test_whoever_takes_in_sends_or_says_who_collects_so_that_no_answer_waits_for_ever() -> None:
    """C32: one of the two, for every channel but mail, which has the relay."""
    for recording in FIRST:
        if recording.channel != "mail":
            connector = recording.connect()
            assert isinstance(connector, Sender) != isinstance(connector, Collected), recording.path
    assert {recording.channel for recording, sender in senders() if isinstance(sender, Collected)} == {"api"}
    assert {recording.channel for recording in FIRST} - {"mail"} == {recording.channel for recording, _ in senders()}


def test_a_letter_loses_no_word_by_being_cut() -> None:
    """C31."""
    for _, sender in senders():
        written = json.dumps([dict(part.payload) for part in _split(sender, letter(LONG))], ensure_ascii=False)
        assert written.count("заказе") == LONG.count("заказе")


def _split(sender: Sender | Collected, given: ChatLetter) -> list[Part]:
    try:
        return list(sender.split(given))
    except CannotSendError:
        return []
