"""Mails that no honest client writes: each aims at one weakness that a listener, parser, router or store might have.

`small_mails` names them one by one; the functions make the large ones. Everything here is made, nothing recorded.
"""

import base64
from collections.abc import Iterator, Mapping

from mail_samples import mail, multipart, nested

CONTROLS = bytes([*range(0x20), 0x7F])
SURROGATE = b"\xed\xa0\x80"
"""U+D800 written as UTF-8, which it cannot be."""

SECRET = "Zaubernuss"
"""A word that stands in subjects, bodies, names and ids of these mails and must appear in no log."""


def small_mails() -> Mapping[str, bytes]:
    """Give every small hostile mail by its name. Each has a sender and a subject of its own where it has any."""
    return {name: _signed(name, raw) for name, raw in _all()}


def _signed(name: str, raw: bytes) -> bytes:
    """Make sender and subject unique, so that no mail joins another one's ticket."""
    local = name.replace(" ", "-").encode()
    return raw.replace(b"ann@home.example", local + b"@home.example").replace(b"%SUBJECT%", SECRET.encode() + local)


def _all() -> Iterator[tuple[str, bytes]]:
    yield from _bare()
    yield from _controls()
    yield from _unicode()
    yield from _ids()
    yield from _headers()
    yield from _structures()
    yield from _encodings()
    yield from _names()
    yield from _store()


def _titled(*fields: bytes, body: bytes = b"hello\r\n") -> bytes:
    return mail(b"Subject: %SUBJECT%", *fields, body=body)


def _bare() -> Iterator[tuple[str, bytes]]:
    """Mails without what makes a mail."""
    yield "no bytes at all", b""
    yield "one dot", b".\r\n"
    yield "header only", b"From: Ann <ann@home.example>\r\nSubject: %SUBJECT%\r\n"
    yield "header only unended", b"From: Ann <ann@home.example>\r\nSubject: %SUBJECT%"
    yield "body only", b"\r\nHello, this is the body and there is no header.\r\n"
    yield "prose only", b"Hello there\r\nthis has never been a mail.\r\n"
    yield "sender only", b"From: ann@home.example\r\n\r\n"
    yield "all bytes", bytes(range(256)) * 4
    yield "all bytes backwards", bytes(range(255, -1, -1)) * 4
    yield "lines end with cr", _titled().replace(b"\r\n", b"\r")
    yield "lines end with lf", _titled().replace(b"\r\n", b"\n")
    yield "lines end with cr cr lf", _titled().replace(b"\r\n", b"\r\r\n")
    yield "line ends of every kind", _titled(body=b"a\rb\nc\r\nd\n\re\r\r\nf\r\n")
    yield "dots", _titled(body=b".\r\n..\r\n.\n.\r\r\n. \r\n")
    yield "mbox", b"From ann@home.example Mon Mar  2 10:00:00 2026\r\n" + _titled()


def _controls() -> Iterator[tuple[str, bytes]]:
    """Octets that text does not hold."""
    for code in CONTROLS:
        octet = bytes([code])
        yield f"control {code}", _titled(b"X-Note: a" + octet + b"b", b"Cc: c" + octet + b"d@e.example", body=octet * 9)
    yield "nul everywhere", b"\x00".join(_titled(b"Message-ID: <nul@home.example>").split(b"e"))
    yield "nul in names", b"Fr\x00om: ann@home.example\r\nSub\x00ject: a\r\n\r\nb\r\n"
    yield "nul body", _titled(body=b"\x00" * 5000)
    yield "escapes", _titled(body=b"\x1b[2J\x1b]0;owned\x07\x1b$B\x1b(B\x9b31m")


def _unicode() -> Iterator[tuple[str, bytes]]:
    """Characters that UTF-8, PostgreSQL or a reader of JSON refuses, and the ways to smuggle them in."""
    utf8, cesu = b"Content-Type: text/plain; charset=utf-8", SURROGATE + b"\xed\xb0\x80"
    yield "raw surrogates", mail(b"Subject: %SUBJECT%" + cesu, utf8, body=b"lone " + SURROGATE + b" pair " + cesu)
    yield "encoded surrogates", _titled(b"Cc: =?utf-8?b?" + base64.b64encode(SURROGATE) + b"?= <c@d.example>")
    yield "utf-7 surrogates", _titled(b"Content-Type: text/plain; charset=utf-7", body=b"lone +2AA- and +AAA- nul")
    yield "utf-16 surrogates", _titled(b"Content-Type: text/plain; charset=utf-16le", body=b"\x00\xd8a\x00\x00\x00")
    yield "utf-32 too far", _titled(b"Content-Type: text/plain; charset=utf-32", body=b"\xff\xff\xff\x7f" * 9)
    html = b"<p>&#0; &#xD800; &#x110000; &#55296; &#99999999999; &NotAnEntity; \x00</p>"
    yield "entities", _titled(b"Content-Type: text/html; charset=utf-8", body=html)
    yield "no characters", _titled(utf8, body="\ufffe\uffff\U0010ffff\ufdd0".encode())
    yield "directions", mail("Subject: %SUBJECT% \u202egnp.exe\u2066".encode(), utf8, body="\u202e\u200b".encode())
    yield "combining", _titled(utf8, body=("e" + "\u0301" * 5000).encode())
    yield "subject grows when folded", mail("Subject: {}".format("\u0390" * 998).encode())
    yield "8-bit names of fields", b"From: ann@home.example\r\nS\xfcbject: x\r\n\xff\xfe: y\r\n\r\nz\r\n"
    yield (
        "raw 8-bit",
        mail(b"Subject: %SUBJECT% \xe9\xff\x81", b"Cc: \xff\xfe <\xe9@\xff.example>", body=b"\x80\x81\xff"),
    )


def _ids() -> Iterator[tuple[str, bytes]]:
    """Ids that are no ids."""
    refs = [b"<%d.%d@refs.example>" % (number, number) for number in range(10_000)]
    yield "8 kb message-id", _titled(b"Message-ID: <" + b"i" * 8192 + b"@home.example>")
    yield "100 kb message-id", _titled(b"Message-ID: <" + b"<(" * 50_000)
    yield "10000 references", _titled(b"References: " + b"\r\n ".join(refs))
    yield "10000 references in a line", _titled(b"References: " + b" ".join(refs))
    yield "10000 in-reply-to", _titled(b"In-Reply-To: " + b" ".join(refs))
    yield "one reference 10000 times", _titled(b"References: " + b"<r@home.example> " * 10_000)
    yield "answers itself", _titled(b"Message-ID: <s@home.example>", b"In-Reply-To: <s@home.example>")
    yield "empty ids", _titled(b"Message-ID: <>", b"In-Reply-To: <> < >", b"References: <<>><@>")
    yield "ids with controls", _titled(b"Message-ID: <c\x00\x01" + SURROGATE + b"@home.example>")
    yield "two message-ids", _titled(b"Message-ID: <a@home.example>", b"Message-ID: <b@home.example>")


def _headers() -> Iterator[tuple[str, bytes]]:
    """Header fields that are too many, too long or not what they say."""
    many = b", ".join(b"P%d <p%d@many.example>" % (number, number) for number in range(10_000))
    yield "10000 recipients", _titled(b"Cc: " + many)
    yield "3000 fields", _titled(*[b"X-%d: y" % number for number in range(3000)])
    yield "200 kb field", _titled(b"X-Long: " + b"x" * 200_000)
    yield "header over 256 kb", _titled(b"X-Long: " + b"x" * 300_000)
    yield "every field twice", b"".join(line + b"\r\n" + line + b"\r\n" for line in _titled().split(b"\r\n")[:4])
    yield (
        "long sender",
        mail().replace(b"Ann <", b"A" * 3000 + b" <").replace(b"home.example", b"h" * 3000 + b".example"),
    )
    yield "no sender", b"To: support@shop.example\r\nSubject: %SUBJECT%\r\n\r\nWho am I?\r\n"
    yield "empty sender", b"From: <>\r\nSubject: %SUBJECT%\r\n\r\nWho am I?\r\n"
    yield "group as sender", b"From: undisclosed:;\r\nSubject: %SUBJECT%\r\n\r\nWho am I?\r\n"
    yield "unended sender", b'From: "Ann (((( <<<< \\" ann@home.example\r\nSubject: %SUBJECT%\r\n\r\nhello\r\n'
    yield "two senders", b"From: ann@home.example, bob@home.example\r\nFrom: cy@home.example\r\n\r\nhello\r\n"
    yield "folded forever", _titled(b"X-Fold: a" + b"\r\n " * 20_000)
    for number, date in enumerate((b"Mon, 99 Foo 99999 99:99:99 +9999", b"31 Dec 9999 23:59:60 -9999", b"0", b"\x00")):
        yield f"bad date {number}", _titled().replace(b"Mon, 2 Mar 2026 10:00:00 +0000", date)


def _structures() -> Iterator[tuple[str, bytes]]:
    """Trees of parts that do not end, or end too early."""
    yield "51 levels", b"From: ann@home.example\r\nSubject: %SUBJECT%\r\n" + nested(51) + b"\r\nbelow\r\n"
    yield "40 levels", b"From: ann@home.example\r\nSubject: %SUBJECT%\r\n" + nested(40) + b"\r\nbelow\r\n"
    yield "40 embedded messages", _titled()[:-9] + b"\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 40 + b"x\r\n"
    part = b"Content-Type: text/plain\r\n\r\nx"
    yield "1200 parts", _from_ann(multipart(*[part] * 1200))
    yield "990 parts", _from_ann(multipart(*[part] * 990))
    file = b"Content-Type: application/x-test\r\nContent-Disposition: attachment; filename=f%d\r\n\r\n%d"
    yield "150 files", _from_ann(multipart(*[file % (number, number) for number in range(150)]))
    for name, boundary in (
        ("no", b""),
        ("empty", b'; boundary=""'),
        ("nul", b"; boundary=\x00"),
        ("5 kb", b"; boundary=" + b"b" * 5000),
    ):
        body = b"--\r\n\r\none\r\n--" + boundary[11:] + b"\r\n\r\ntwo\r\n"
        yield f"{name} boundary", _titled(b"Content-Type: multipart/mixed" + boundary, body=body)
    yield (
        "one boundary on all levels",
        _from_ann(multipart(b"Content-Type: multipart/mixed; boundary=limit\r\n\r\n" * 30)),
    )
    yield "no last border", _from_ann(multipart(part)[:-20])
    yield (
        "borders only",
        _titled(b"Content-Type: multipart/mixed; boundary=b", body=b"--b\r\n" * 200 + b"--b--\r\n" * 200),
    )


def _encodings() -> Iterator[tuple[str, bytes]]:
    """Encodings that do not decode."""
    for encoding in (b"base64", b"quoted-printable", b"x-uuencode", b"binhex", b"\x00", b"8bit, base64"):
        fields = (b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: " + encoding)
        name = encoding.decode().replace("\x00", "nul")
        yield (
            f"{name} of noise",
            _titled(*fields, body=b"=A=\r\n\xff\xfe=\x00Zm9v=Zg=\r\nbegin 644 x\r\n#`86)C\r\n" * 20),
        )
    for charset in (
        b"x-unknown",
        b"idna",
        b"punycode",
        b"rot13",
        b"zlib_codec",
        b"unicode_escape",
        b"\xff",
        b"../../etc",
    ):
        field = b"Content-Type: text/plain; charset=" + charset
        yield f"charset {charset.decode('latin-1')}", _titled(field, body=b"\xff\xfe x\x9c\\ud800 xn--a")
    words = b"=?utf-8?q?=00=ED=A0=80?= =?x?b?/////w==?= =?utf-8?q?open =?=?= =?utf-8*en?B?!!!?="
    yield "encoded words", mail(b"Subject: %SUBJECT% " + words, b"Cc: " + words + b" <w@x.example>")


def _names() -> Iterator[tuple[str, bytes]]:
    """Names of files that are paths, scripts or nothing."""
    for number, name in enumerate(
        (
            b"../../../etc/passwd",
            b"C:\\Windows\\x.dll",
            b"a\x00b.exe",
            b"n" * 5000,
            b"\xff\xfe",
            b"/",
            b".",
            b"con",
            b"`id`;rm -rf ~",
        )
    ):
        part = b'Content-Type: application/x-test; name="' + name + b'"\r\n\r\ncontent %d' % number
        yield f"file name {number}", _from_ann(multipart(b"Content-Type: text/plain\r\n\r\nsee file", part))
    escaped = b"Content-Disposition: attachment; filename*=utf-8''%00%ED%A0%80%2e%2e%2fx; filename*9999=y\r\n\r\nx"
    yield "escaped file name", _from_ann(multipart(b"Content-Type: text/plain\r\n\r\nsee file", escaped))


def _store() -> Iterator[tuple[str, bytes]]:
    """Texts that mean something to COPY, JSON, SQL, a log or a terminal."""
    tricks = b"\\N\r\n\\.\r\n\\x00 \\u0000 \\ud800 \t|\t'; drop table tickets; -- $1 %s {0} ${jndi:x} \"}\r\n"
    yield "end of copy", mail(b"Subject: \\.", b"Message-ID: <\\N@home.example>", body=b"\\.\r\n")
    yield "null of copy", mail(b"Subject: \\N", b"Cc: \\N <\\N@\\N>", body=b"\\N")
    yield "escapes of json", mail(b"Subject: \\u0000\\ud800", b'Cc: "\\u0000" <\\u0000@x.example>', body=tricks)
    yield "formats", mail(b"Subject: %s %(x)s {0} %SUBJECT%", b"Cc: %n <{}@x.example>", body=tricks * 50)


def _from_ann(raw: bytes) -> bytes:
    return raw.replace(b"Message-ID: <m@home.example>", b"Subject: %SUBJECT%")


def bomb(levels: int = 50_000) -> bytes:
    """So many multiparts within each other: kills what descends into them."""
    return b"From: bomb@home.example\r\nSubject: %s\r\n" % SECRET.encode() + nested(levels) + b"\r\nbang\r\n"


def large_html(size: int = 5 * 1024 * 1024) -> bytes:
    """Newsletter HTML of at least so many bytes."""
    line = b"<tr><td style='color:#333'>A <b>line</b> of a newsletter &amp; more</td></tr>\r\n"
    fields = (b"Subject: %s in HTML" % SECRET.encode(), b"Content-Type: text/html; charset=utf-8")
    return mail(*fields, body=line * (size // len(line) + 1))


def with_file(size: int) -> bytes:
    """A text and a file of so many bytes."""
    part = b"Content-Type: application/zip; name=large.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    content = base64.encodebytes(bytes(size)).replace(b"\n", b"\r\n")
    return _from_ann(multipart(b"Content-Type: text/plain\r\n\r\nkept text", part + content)).replace(
        b"%SUBJECT%", b"a large file"
    )


def slow_texts(size: int) -> Mapping[str, bytes]:
    """Texts that cost their reader much more time than others of this size."""
    flowed = b"Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes"
    uuencode = b"Content-Transfer-Encoding: x-uuencode"
    return {
        "flowed": _titled(flowed, body=b">\n" * (size // 2)),
        "uuencoded": _titled(uuencode, body=b"!\n" * (size // 2)),
        "tiny files": _titled(body=b"begin 644 a\nend\n" * (size // 16)),
        "entities": _titled(b"Content-Type: text/html", body=b"&a" * (size // 2)),
    }
