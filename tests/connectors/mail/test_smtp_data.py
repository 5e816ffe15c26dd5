"""The end of DATA is found, dots are undone, every other byte stays: with any bytes in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mail.smtp_data import END, DataReader

LINE_PARTS = st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"..", b"a", b"\x00", b"\xff", b"\r\n.", b".\r", b"QUIT"])
BODIES = st.lists(LINE_PARTS, max_size=40).map(b"".join)


def stuffed(body: bytes) -> bytes:
    """What a client sends for a body, per RFC 5321 4.5.2: line by line, a line being what CRLF ends."""
    if not body:
        return b".\r\n"
    whole = body if body.endswith(b"\r\n") else body + b"\r\n"
    lines = whole[:-2].split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n.\r\n"


def read(pieces: list[bytes]) -> tuple[bytes, bytes, bool]:
    reader, out = DataReader(), b""
    for place, piece in enumerate(pieces):
        out += reader.feed(piece)
        if reader.ended:
            return out, reader.rest + b"".join(pieces[place + 1 :]), True
    return out, b"", False


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size
    return [*pieces, data[start:]]


@given(BODIES, st.lists(st.integers(1, 7), max_size=60), st.binary(max_size=20))
def test_any_body_in_any_pieces_arrives_byte_for_byte(body: bytes, sizes: list[int], following: bytes) -> None:
    whole = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    assert read(cut(stuffed(body) + following, sizes)) == (whole, following, True)


@given(st.binary(max_size=200), st.lists(st.integers(1, 5), max_size=60))
def test_arbitrary_bytes_never_end_a_mail_except_at_the_one_sequence(data: bytes, sizes: list[int]) -> None:
    out, rest, ended = read(cut(data, sizes))
    assert ended == (END in b"\r\n" + data)
    if ended:
        assert data.endswith(rest)
    else:
        assert len(out) <= len(data)


@pytest.mark.parametrize(
    "trick",
    [
        b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n.\r\r\n", b"\n\n.\r\n",
        b"\r\r\n.\n", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\n. \r\n", b"\r\r.\r\n", b"\x85.\x85",
    ],
)  # fmt: skip
def test_what_only_looks_like_the_end_stays_in_the_mail(trick: bytes) -> None:
    sent = b"first" + trick + b"MAIL FROM:<a@b>\r\n"
    out, _, ended = read([sent + b".\r\n"])
    assert ended
    assert out.endswith(b"MAIL FROM:<a@b>\r\n")
    assert out == sent.replace(b"\r\n.", b"\r\n")


def test_a_dot_that_comes_first_is_undone_and_a_final_one_alone_makes_an_empty_mail() -> None:
    assert read([b"..a\r\n.\r\n"]) == (b".a\r\n", b"", True)
    assert read([b".\r\n"]) == (b"", b"", True)


def test_at_most_four_bytes_are_held_back() -> None:
    reader = DataReader()
    sent = b"line\r\n.\r"
    assert len(reader.feed(sent)) >= len(sent) - 4
