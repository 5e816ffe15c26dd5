"""Changed mails for property tests: what a fault on the line, a broken client or an attacker makes of a good one."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

SURROGATE = b"\xed\xa0\x80"
LONGEST = 2000
"""Octets that one change touches at most."""

Change = Callable[[st.DrawFn, bytes, slice, Sequence[bytes]], bytes]

PIECES = (
    b"\x00",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b";",
    b"=",
    b'"',
    b"<",
    b">",
    b"(",
    b"\\",
    b"@",
    b"--",
    b"=?",
    b"?=",
    b"=?utf-8?b?",
    b"=?utf-8?q?=00?=",
    b"%00",
    b"&#0;",
    b"\xff\xfe",
    SURROGATE,
    b"\xc3",
    b"\x1b$B",
    b"+2AA-",
    b"\r\n.\r\n",
    b"\r\n--",
    b"\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
    b"\r\nMessage-ID: <x@y>\r\n",
    b"\r\nContent-Transfer-Encoding: base64\r\n",
    b"; charset=utf-16",
    b"; charset=utf-7",
    b"; charset=hz",
    b"<p>",
    b"<!--",
    b"begin 644 x\r\n",
    b"\r\nContent-Type: message/rfc822\r\n\r\n",
    b"\\N",
    b"\\.",
    b"\\u0000",
)


def _cut(_draw: st.DrawFn, raw: bytes, at: slice, _samples: Sequence[bytes]) -> bytes:
    return raw[: at.start] + raw[at.stop :]


def _end(_draw: st.DrawFn, raw: bytes, at: slice, _samples: Sequence[bytes]) -> bytes:
    return raw[: at.stop]


def _double(draw: st.DrawFn, raw: bytes, at: slice, _samples: Sequence[bytes]) -> bytes:
    return raw[: at.stop] + raw[at] * draw(st.integers(1, 5)) + raw[at.stop :]


def _set_in(draw: st.DrawFn, raw: bytes, at: slice, _samples: Sequence[bytes]) -> bytes:
    piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=40)))
    return raw[: at.start] + piece * draw(st.sampled_from((1, 1, 1, 50))) + raw[at.start :]


def _turn(draw: st.DrawFn, raw: bytes, at: slice, _samples: Sequence[bytes]) -> bytes:
    mask = draw(st.integers(1, 255))
    return raw[: at.start] + bytes(octet ^ mask for octet in raw[at][:20]) + raw[at.start + len(raw[at][:20]) :]


def _replace(draw: st.DrawFn, raw: bytes, _at: slice, _samples: Sequence[bytes]) -> bytes:
    old = draw(
        st.sampled_from((b"\r\n", b":", b"=", b";", b'"', b"--", b"utf-8", b"multipart", b"text/", b"base64", b" "))
    )
    return raw.replace(old, draw(st.sampled_from(PIECES)), draw(st.integers(1, 40)))


def _splice(draw: st.DrawFn, raw: bytes, at: slice, samples: Sequence[bytes]) -> bytes:
    other = draw(st.sampled_from(samples))
    return raw[: at.start] + other[draw(st.integers(0, len(other))) :]


def _move(_draw: st.DrawFn, raw: bytes, at: slice, _samples: Sequence[bytes]) -> bytes:
    return raw[at] + raw[: at.start] + raw[at.stop :]


CHANGES: Sequence[Change] = (_cut, _end, _double, _set_in, _set_in, _turn, _replace, _splice, _move)


@st.composite
def mutated(draw: st.DrawFn, samples: Sequence[bytes]) -> bytes:
    """Draw one of these mails with some changes: octets turned, cut, doubled, moved, set in, spliced with another."""
    raw = draw(st.sampled_from(samples))
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=5)):
        start = draw(st.integers(0, len(raw)))
        raw = change(draw, raw, slice(start, min(len(raw), start + draw(st.integers(0, LONGEST)))), samples)
    return raw
