"""The bench's mail is the mix that it says it is: distinct, repeatable, and readable by the standard library."""

import re
import subprocess
import sys
from collections import Counter
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import mean

import pytest
from house_tree import ROOT

from bench.mails import BACK, FILE_BYTES, LEAD, Mail, Mix, Sort, on_the_wire

NEIGHBOUR = ROOT / "../shared/load/mailgen.py"
COUNT = 200


@cache
def mix() -> tuple[Mail, ...]:
    return tuple(Mix(count=COUNT))


def parsed(mail: Mail) -> EmailMessage:
    message = message_from_bytes(mail.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def mean_bytes(mails: list[tuple[str, int]]) -> dict[str, float]:
    return {sort: mean(size for found, size in mails if found == sort) for sort in sorted({sort for sort, _ in mails})}


def test_the_shares_are_sixty_thirty_and_ten_percent() -> None:
    assert Counter(mail.sort for mail in mix()) == {Sort.NEW: 120, Sort.REPLY: 60, Sort.FILE: 20}


def test_the_first_hundred_mails_are_new_requests() -> None:
    assert {mail.sort for mail in mix()[:LEAD]} == {Sort.NEW}


def test_the_same_seed_gives_the_same_bytes_and_another_run_other_ids() -> None:
    again, other = (islice(Mix(count=COUNT, run=run), LEAD + 60) for run in ("a", "b"))
    assert [mail.raw for mail in again] == [mail.raw for mail in mix()[: LEAD + 60]]
    assert not {mail.message_id for mail in other} & {mail.message_id for mail in mix()}


def test_no_two_mails_are_alike() -> None:
    assert len({mail.raw for mail in mix()}) == len({mail.message_id for mail in mix()}) == COUNT


def test_a_reply_answers_a_request_of_its_own_sender_that_lies_far_back() -> None:
    requests: list[Mail] = []
    for mail in mix():
        if mail.sort is not Sort.REPLY:
            requests.append(mail)
            continue
        answered = requests[mail.request]
        assert mail.sender == answered.sender
        assert parsed(mail)["In-Reply-To"] == parsed(mail)["References"] == answered.message_id
        assert len(requests) - mail.request > BACK


@pytest.mark.parametrize("sort", list(Sort))
def test_a_mail_is_read_without_defects_and_has_text_and_html(sort: Sort) -> None:
    for mail in [mail for mail in mix() if mail.sort is sort][:20]:
        message = parsed(mail)
        parts = list(message.walk())
        assert not [defect for part in parts for defect in part.defects]
        assert {part.get_content_type() for part in parts} >= {"text/plain", "text/html"}
        plain = message.get_body(("plain",))
        assert plain is not None
        assert "Hello," in plain.get_content()


def test_a_file_has_two_hundred_kilobytes_after_decoding() -> None:
    (file,) = parsed(next(mail for mail in mix() if mail.sort is Sort.FILE)).iter_attachments()
    assert len(file.get_content()) == FILE_BYTES


def test_no_line_is_longer_than_smtp_allows() -> None:
    assert max(len(line) for mail in mix() for line in mail.raw.split(b"\r\n")) <= 998
    assert not any(re.search(rb"(?<!\r)\n|\r(?!\n)", mail.raw) for mail in mix())


@pytest.mark.parametrize(
    ("raw", "wire"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".a\r\n.\r\n", b"..a\r\n..\r\n.\r\n"),
        (b"a\r\n.b\r\n", b"a\r\n..b\r\n.\r\n"),
    ],
)
def test_dots_are_stuffed_on_the_wire(raw: bytes, wire: bytes) -> None:
    assert on_the_wire(raw) == wire


@pytest.mark.skipif(not NEIGHBOUR.exists(), reason="the other generator of the mix is not here")
def test_another_generator_of_the_mix_agrees_on_shares_and_sizes(tmp_path: Path) -> None:
    command = [sys.executable, str(NEIGHBOUR), "--out", str(tmp_path), "--n", str(COUNT)]
    subprocess.run(command, check=True, capture_output=True)
    rows = [line.split("\t") for line in (tmp_path / "manifest.tsv").read_text().splitlines()]
    theirs = [(row[1].replace("attach", "file"), int(row[5])) for row in rows]
    ours = [(str(mail.sort), len(mail.raw)) for mail in mix()]
    assert Counter(sort for sort, _ in ours) == Counter(sort for sort, _ in theirs)
    assert mean_bytes(ours) == pytest.approx(mean_bytes(theirs), rel=0.15)


def test_large_mails_have_200_kilobytes_each() -> None:
    sizes = [len(mail.raw) for mail in Mix(count=5, large=True)]
    assert all(195_000 < size < 205_000 for size in sizes)
