# ruff: noqa: RUF001 - exports stand in the scripts of their languages
"""Exports of old desks: read in whatever form, every bad line told, the others taken."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mail.thread_ids import thread_id
from daemon.errors import UserError
from daemon.legacy_files import MAX_FIELD, encoding_of, format_of, read_csv, read_jsonl
from daemon.legacy_lines import LineError, read_line, read_moment
from daemon.legacy_mbox import MailboxReader
from router.legacy_desk import LegacyDesk, NumberPattern
from schemas.legacy import ImportedTicket

LISBON = ZoneInfo("Europe/Lisbon")
Told = list[tuple[int, str]]


def csv_lines(text: str) -> tuple[list[ImportedTicket], Told]:
    told: Told = []
    found = list(read_csv(io.StringIO(text, newline=""), zone=LISBON, bad=lambda line, why: told.append((line, why))))
    return found, told


def json_lines(*lines: str) -> tuple[list[ImportedTicket], Told]:
    told: Told = []
    file = io.StringIO("\n".join(lines))
    return list(read_jsonl(file, zone=LISBON, bad=lambda line, why: told.append((line, why)))), told


def digest(written: str) -> bytes:
    return bytes.fromhex(thread_id(written).digest)


def test_a_full_line_is_read_whole() -> None:
    history = json.dumps([{"at": "2012-12-05T18:00:00", "from": "Ana", "text": "It still blinks"}]).replace('"', '""')
    (line,), told = csv_lines(
        "number,requester,name,subject,status,opened_at,messages,message_ids\n"
        f'ab-1 ,Ana Costa <ANA@a.example>,,"Printer, red",open,2012-12-05 17:00,"{history}",'
        "<x@old.example> y@old.example\n"
    )
    assert told == []
    assert (line.number, line.requester_address, line.requester_name) == ("AB-1", "ana@a.example", "Ana Costa")
    assert (line.subject, line.status, line.opened_at) == (
        "Printer, red",
        "open",
        datetime(2012, 12, 5, 17, tzinfo=UTC),
    )
    assert line.history == [{"at": "2012-12-05T18:00:00+00:00", "from": "Ana", "text": "It still blinks"}]
    assert line.digests == [digest("x@old.example"), digest("y@old.example")]


def test_semicolons_other_names_and_quoted_line_ends_are_fine() -> None:
    (line, other), told = csv_lines('Ticket Number;E-Mail;Title\r\n7;;"two\r\nlines"\r\n8;;x\r\n')
    assert told == []
    assert (line.number, line.subject, other.number) == ("7", "two lines", "8")


def test_every_bad_line_is_told_with_its_number_and_the_rest_is_taken() -> None:
    found, told = csv_lines("number,requester,opened_at\n1,,\n,a@b.example,\n3,nobody,\n4,,soon\n5,a,b,c\n6,,\n")
    assert [line.number for line in found] == ["1", "6"]
    assert [line for line, _ in told] == [3, 4, 5, 6]
    assert all("nobody" not in why and "soon" not in why for _, why in told)


def test_json_lines_are_read_and_bad_ones_told() -> None:
    found, told = json_lines(
        '{"number": 4711, "email": "ana@a.example", "history": [{"text": "Hello"}], "message_ids": ["<a@o.example>"]}',
        "[1]",
        "{",
        "",
        '{"number": "5", "messages": {"a": 1}}',
        '{"number": true}',
        "[" * 100_000,
    )
    assert [(line.number, line.requester_address) for line in found] == [("4711", "ana@a.example")]
    assert found[0].history == [{"at": None, "from": "", "text": "Hello"}]
    assert [line for line, _ in told] == [2, 3, 5, 6, 7]


def test_a_file_without_a_column_for_the_number_is_refused() -> None:
    with pytest.raises(UserError, match="number"):
        csv_lines("a,b\n1,2\n")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("número,x\n".encode(), "utf-8"),
        (b"\xef\xbb\xbfnumber\n", "utf-8-sig"),
        ("number\n".encode("utf-16"), "utf-16"),
    ],
)
def test_encodings_are_found(tmp_path: Path, content: bytes, encoding: str) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(content)
    assert encoding_of(file) == encoding


def test_an_old_encoding_is_guessed(tmp_path: Path) -> None:
    text = "number;subject\n1;Не печатает принтер, помогите пожалуйста\n2;Вопрос по счёту за декабрь\n" * 20
    file = tmp_path / "export.csv"
    file.write_bytes(text.encode("cp1251"))
    with file.open(encoding=encoding_of(file), newline="") as opened:
        first = next(read_csv(opened, zone=UTC, bad=lambda *_: None))
    assert first.subject == "Не печатает принтер, помогите пожалуйста"


def test_a_format_nobody_knows_must_be_named(tmp_path: Path) -> None:
    assert format_of(tmp_path / "x.JSONL", None) == "jsonl"
    with pytest.raises(UserError, match="--format"):
        format_of(tmp_path / "x.xls", None)


@pytest.mark.parametrize("text", ["05.12.2012 17:00", "2012-12-05T17:00:00", "5/12/2012 17:00:00"])
def test_times_are_read_as_people_write_them(text: str) -> None:
    assert read_moment("opened_at", text, LISBON) == datetime(2012, 12, 5, 17, tzinfo=UTC)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
columns = st.sampled_from(["number", "requester", "subject", "opened_at", "messages", "message_ids", "at", "text"])


@given(st.dictionaries(columns, json_values))
def test_any_line_is_read_or_refused_and_never_holds_what_the_store_refuses(values: dict[str, object]) -> None:
    try:
        line = read_line(values, zone=UTC)
    except LineError:
        return
    shown = json.dumps([line.number, line.requester_address, line.subject, line.history], ensure_ascii=False)
    assert "\\u0000" not in shown
    shown.encode()


@given(st.text(alphabet='a1;,"\t\r\n\0 {}[]:é', max_size=80))
def test_any_text_after_the_names_is_lines_or_told(text: str) -> None:
    found, told = csv_lines(f"number,messages,message_ids\n{text}")
    lines = text.count("\n") + text.count("\r") + 2
    assert len(found) + len(told) <= lines
    assert all(0 < line <= lines + 1 for line, _ in told)
    json_lines(*text.split("\n"))


def test_a_quote_that_is_never_closed_ends_with_its_line_limit_not_with_all_memory() -> None:
    text = 'number,subject\n1,"open\n' + "x\n" * (MAX_FIELD // 2 + 10)
    found, told = csv_lines(text)
    assert (found, len(told)) != ([], 0)
    assert all("CSV" in why or "fields" in why or "number" in why for _, why in told)


@pytest.mark.parametrize("first", ["", '"', "number\0", "a" * (MAX_FIELD + 5)])
def test_names_that_are_none_are_refused_in_a_sentence(first: str) -> None:
    with pytest.raises(UserError, match="first line"):
        csv_lines(f"{first}\n1\n")


DESK = LegacyDesk(
    name="otrs",
    cutover_at=datetime(2012, 12, 6, tzinfo=UTC),
    id_domains=frozenset({"otrs.example"}),
    subject_patterns=(NumberPattern(r"\[Ticket#(?P<number>\d+)\]"),),
    addresses=frozenset({"help@otrs.example"}),
)


def raw(own: str, sender: str, to: str, subject: str, answers: str = "") -> bytes:
    when = "Sat, 01 Dec 2012 09:00:00 +0000"
    reply = f"In-Reply-To: <{answers}>\r\n" if answers else ""
    head = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: {when}\r\nMessage-ID: <{own}>\r\n{reply}"
    return f"{head}\r\nText of {own}\r\n".encode()


def mailbox(mails: Sequence[bytes]) -> tuple[list[ImportedTicket], Told]:
    told: Told = []
    reader = MailboxReader(desk=DESK, ours=frozenset({"support@desk.example"}))
    return list(reader.read(mails, bad=lambda line, why: told.append((line, why)))), told


def test_a_mailbox_gives_numbers_customers_ids_and_texts() -> None:
    found, told = mailbox(
        [
            raw(
                "ack@otrs.example",
                "Desk <help@otrs.example>",
                "Ana <ana@a.example>",
                "[Ticket#42] Printer",
                "m1@a.example",
            ),
            raw("m2@a.example", "Ana <ana@a.example>", "help@otrs.example", "Re: Printer", "ack@otrs.example"),
            raw("m3@a.example", "bob@b.example", "help@otrs.example", "Something else"),
        ]
    )
    assert [(line.number, line.requester_address) for line in found] == [("42", "ana@a.example")] * 2
    assert found[0].digests == [digest("ack@otrs.example"), digest("m1@a.example")]
    assert found[1].history[0]["text"].strip() == "Text of m2@a.example"
    assert told == []
