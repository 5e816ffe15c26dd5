"""What an import reads of files: mails cut as `mailbox` cuts them, and never more in memory than allowed."""

import asyncio
import io
import mailbox
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.import_files import LINE, Tally, find, mails, split
from daemon.importer import InFlight

LINES = st.lists(st.sampled_from([b"From x\n", b"\n", b"hello\n", b">From y\n", b"\r\n", b"open end"]), max_size=12)


@given(lines=LINES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_mbox_is_cut_as_the_standard_library_cuts_it(tmp_path: Path, lines: list[bytes]) -> None:
    content = b"From a\n" + b"".join(lines)
    path = tmp_path / "box"
    path.write_bytes(content)
    box = mailbox.mbox(path, create=False)
    expected = [box.get_bytes(key) for key in box.iterkeys()]
    box.close()
    assert list(split(io.BytesIO(content), most=10_000)) == expected


def test_a_mail_over_the_limit_in_an_mbox_is_left_out_and_the_next_one_is_read(tmp_path: Path) -> None:
    path, tally = tmp_path / "box", Tally()
    exact = b"x" * 99 + b"\n"
    path.write_bytes(b"From a\n" + exact + b"\nFrom b\n" + exact + b"\n\nFrom c\n" + b"y" * 3 * LINE + b"\nFrom d\nz\n")
    assert list(mails(path, most=100, tally=tally)) == [exact, b"z\n"]
    assert tally.counts["too_large"] == 2


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path, tally = tmp_path / "huge.eml", Tally()
    with path.open("wb") as file:
        file.truncate(1024**4)
    assert list(mails(path, most=100, tally=tally)) == []
    assert tally.counts == {"too_large": 1}


def test_files_are_found_in_the_order_of_their_names_and_links_to_nothing_are_skipped(tmp_path: Path) -> None:
    tally = Tally()
    for name in ("b.eml", "a.mbox", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.eml").symlink_to("nowhere")
    assert [path.name for path in find([tmp_path], tally)] == ["a.mbox", "b.eml"]
    assert tally.counts == {"skipped": 2}


@pytest.mark.parametrize(
    "text",
    [
        "# Switchboard\n\nFrom: here\nSubject: none\n",
        "                 Apache License\n           Version 2.0, January 2004\n",
        "[user]\n\tname = Ana\n\temail = ana@customer.example\n",
        "all: build\n\ttouch all\n",
        "hello",
    ],
)
def test_a_file_that_is_clearly_no_mail_is_told_counted_and_not_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path, tally = tmp_path / "README", Tally()
    path.write_text(text)
    assert list(mails(path, most=10_000, tally=tally)) == []
    assert tally.counts == {"no_mail": 1}
    assert "README: no mail: it does not begin with lines such as From" in capsys.readouterr().err


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@x.example\r\n\r\nhi",
        b"\r\n\r\nReceived: by x\nSUBJECT : odd\n\nhi",
        b"\xef\xbb\xbfSubject: a mark of bytes before it",
        b">From somebody long ago\nX-Mailer: none\nDate: today\n",
        b"Odd: of a machine whose lines end so\rSubject: old\r\rhi",
        b"garbage of a broken export\nMessage-ID: <a@x.example>\n\nhi",
    ],
)
def test_whatever_has_one_field_of_a_mail_is_taken_as_it_is(tmp_path: Path, raw: bytes) -> None:
    path, tally = tmp_path / "odd", Tally()
    path.write_bytes(raw)
    assert list(mails(path, most=10_000, tally=tally)) == [raw]
    assert not tally.counts


def test_a_text_that_is_named_is_judged_by_what_stands_in_it(tmp_path: Path) -> None:
    path, tally = tmp_path / "README.md", Tally()
    path.write_text("# Switchboard")
    assert list(mails(path, most=10_000, tally=tally)) == []
    assert tally.counts == {"no_mail": 1}


@pytest.mark.parametrize("name", ["broken.eml", "cur/1795000000", "new/1795000001.M1P2.desk", "copied.desk:2,S"])
def test_what_its_name_calls_a_mail_is_taken_whatever_stands_in_it(tmp_path: Path, name: str) -> None:
    path, tally = tmp_path / name, Tally()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"hello")
    assert list(mails(path, most=10_000, tally=tally)) == [b"hello"]
    assert not tally.counts


def test_the_mails_of_a_maildir_are_found_and_unfinished_ones_are_not(tmp_path: Path) -> None:
    names = ["cur/1795000000.M1P2.desk:2,S", "new/1795000001.M3P4.desk", "tmp/1795000002.M5P6.desk", "dovecot.log"]
    for name in [*names, ".Sent/cur/1795000003.M7P8.desk:2,RS", ".Sent/new/", ".Sent/tmp/"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name.endswith("/") else path.touch()
    tally = Tally()
    found = [str(path.relative_to(tmp_path)) for path in find([tmp_path], tally)]
    assert found == [".Sent/cur/1795000003.M7P8.desk:2,RS", names[0], names[1]]
    assert tally.counts == {"skipped": 1}


async def test_what_is_in_flight_is_bounded_in_mails_and_in_bytes() -> None:
    flight = InFlight(most_mails=3, most_bytes=100)
    most = [0, 0]

    async def one(size: int) -> None:
        await asyncio.sleep(0)
        flight.leave(size)

    async with asyncio.TaskGroup() as group:
        for size in [10, 60, 60, 500, 1, 1, 1, 1, 99]:
            await flight.enter(size)
            assert flight.mails == 1 or flight.bytes <= 100
            most = [max(most[0], flight.mails), max(most[1], flight.bytes)]
            group.create_task(one(size))
    assert most == [3, 500]
    assert (flight.mails, flight.bytes) == (0, 0)
