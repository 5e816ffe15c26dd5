# ruff: noqa: RUF001 - mails are written in the scripts of their languages
import pytest

from connectors.mail.subjects import read_subject
from connectors.mail.thread_ids import first_and_last, ids_in, thread_id
from schemas.message import SubjectPrefix

REPLIES = ["Re: x", "RE[2]: x", "AW: x", "Antw.: x", "SV: x", "VS: x", "Odp: x", "YNT: x", "R: x", "RES: x", "Rif: x",
           "Отв: x", "Ответ: x", "На: x", "回复：x", "答复: x", "返信: x", "re : RE: aw: x",
           "Re^3: x", "Re: [support-123] x",
           "[EXTERNAL] Re: x", "Réf : x", "Vá: x", "Trả lời: x"]  # fmt: skip
FORWARDS = ["Fwd: x", "FW: x", "WG: x", "TR: x", "RV: x", "ENC: x", "Пересл: x", "I: x", "Doorst: x", "PD: x", "VB: x",
            "İLT: x", "转发: x", "転送: x", "Fwd: Re: x"]  # fmt: skip


@pytest.mark.parametrize("subject", REPLIES)
def test_replies_are_told_in_many_languages(subject: str) -> None:
    assert read_subject(subject) == (SubjectPrefix.REPLY, "x")


@pytest.mark.parametrize("subject", FORWARDS)
def test_forwards_are_told_in_many_languages(subject: str) -> None:
    assert read_subject(subject) == (SubjectPrefix.FORWARD, "x")


@pytest.mark.parametrize("subject", ["Request: x", "Order 12: broken", "12:30 meeting", "Regarding x", "note: x", ""])
def test_other_words_before_a_colon_are_no_prefix(subject: str) -> None:
    assert read_subject(subject) == (SubjectPrefix.NONE, subject.casefold())


def test_bases_are_folded() -> None:
    assert read_subject("Re:  Große\t FRAGE ").base == read_subject("GROSSE  frage").base
    assert read_subject("Cafe\u0301").base == read_subject("CAF\u00c9").base


def test_numbers_that_tell_matters_apart_are_kept() -> None:
    assert read_subject("[Order 12] late").base != read_subject("[Order 13] late").base
    assert read_subject("(2024) report").base != read_subject("(2025) report").base


def test_subjects_of_tags_alone_stay_different() -> None:
    assert read_subject("[a-1]").base != read_subject("[a-2]").base


def test_a_subject_of_prefixes_alone_ends() -> None:
    assert read_subject("re: " * 400).prefix is SubjectPrefix.REPLY


def test_ids_are_found_in_prose_and_without_brackets() -> None:
    assert ids_in(b"Your message of Monday <a@b.example>") == ["a@b.example"]
    assert ids_in(b"a@b.example") == ["a@b.example"]
    assert ids_in(b"your mail of Monday") == []
    assert ids_in(b"<a@b.example>\r\n\t<c@d.example> <a@b.example>") == ["c@d.example", "a@b.example"]
    assert ids_in(b"<folded\r\n .id@b.example>") == ["folded.id@b.example"]


def test_only_the_domain_of_an_id_has_no_case() -> None:
    assert thread_id("A1@Example.ORG").digest == thread_id("A1@example.org").digest
    assert thread_id("a1@example.org").digest != thread_id("A1@example.org").digest


def test_of_many_references_the_ends_are_kept() -> None:
    ids = [f"{number}@x" for number in range(10_000)]
    kept = first_and_last(ids)
    assert kept == [*ids[:50], *ids[-50:]]
