"""The mix of mail that the bench sends: deterministic, distinct, and like a help desk's.

60 % new requests of about 6 KB (text and HTML), 30 % replies by In-Reply-To and References, 10 % new requests with a
file of 200 KB (277 KB on the wire). The first 100 are new requests; the request that a reply answers lies at least 50
requests back, so that concurrent work has normally stored it already. The same seed and run give the same bytes.
"""

import base64
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

RECIPIENT: Final = "support@example.org"
FILE_BYTES: Final = 204_800
LARGE_FILE_BYTES: Final = 142_000
"""With its text around it, a mail of 200 KB on the wire."""
LEAD: Final = 100
"""Mails at the start that are new requests, in a mix of at least twice as many."""
BACK: Final = 50
"""Requests between a reply and the one that it answers, at least."""
CUSTOMERS: Final = 400

WORDS: Final = re.findall(
    r"[a-z]+",
    """
    access account address again amount answer apply arrive backup balance because before billing blocked button
    cable calendar cancel change charge check client close code company computer confirm contract copy correct
    customer date delay deliver delivery device disk display document download driver email empty error every
    export failed field file follow form freezes hotel import incident install invoice item keyboard label laptop
    late letter licence line link list loading login machine mailbox mark message minute missing mobile module
    monitor month network nothing notice number offer office old online open order page paper password payment
    period phone photo please portal price print printer problem product profile project question queue quick
    receipt record refund renew repair repeat report request reset result return room safe sale scanner screen
    search section select send server service shared shop since slow software stock stop store supplier switch
    system table team ticket today total transfer try update upload user value verify version visit wait week
    window without work wrong year yesterday
    """,
)
GIVEN: Final = (
    "Ana",
    "Bruno",
    "Chiara",
    "Dmitri",
    "Élodie",
    "Farid",
    "Greta",
    "Hiroko",
    "Ilse",
    "João",
    "Katya",
    "Léon",
)
FAMILY: Final = (
    "Andersson",
    "Bianchi",
    "Costa",
    "Dvořák",
    "Eriksen",
    "Fischer",
    "García",
    "Haddad",
    "Ivanova",
    "Jansen",
)
TOUCHES: Final = ("größer", "naïve", "€ 149,90", "“quoted”", "déjà vu")


class Sort(StrEnum):
    """What a mail is, for shares and sizes."""

    NEW = "new"
    REPLY = "reply"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail: its bytes as they stand in a file (CRLF line ends), its sender, and the request that it belongs to."""

    sort: Sort
    sender: str
    message_id: str
    request: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A new request that later mails answer."""

    message_id: str
    subject: str
    sender: str
    name: str
    text: Sequence[str]


@dataclass(kw_only=True)
class Mix:
    """`count` mails, given one by one. `run` goes into every id: another run is other mail for the same store.

    `large`: nothing but new requests of 200 KB on the wire.
    """

    count: int
    seed: int = 1
    run: str = "a"
    large: bool = False
    _random: Random = field(init=False)
    _requests: list[_Request] = field(init=False, default_factory=list)

    def __iter__(self) -> Iterator[Mail]:
        """Give the mails in the order in which they are sent."""
        self._random = Random(f"{self.seed}/{self.count}")
        self._requests = []
        for index, sort in enumerate(self._sorts()):
            yield self._reply(index) if sort is Sort.REPLY else self._new(index, sort)

    def _sorts(self) -> list[Sort]:
        if self.large:
            return [Sort.FILE] * self.count
        replies, files = self.count * 30 // 100, self.count * 10 // 100
        lead = min(LEAD, self.count // 2)
        rest = [Sort.REPLY] * replies + [Sort.FILE] * files + [Sort.NEW] * (self.count - replies - files - lead)
        self._random.shuffle(rest)
        return [Sort.NEW] * lead + rest

    def _new(self, index: int, sort: Sort) -> Mail:
        random = self._random
        customer = random.randrange(CUSTOMERS)
        text = self._paragraphs(1500)
        request = _Request(
            message_id=self._message_id(index),
            subject=f"{' '.join(random.choices(WORDS, k=4)).capitalize()} {index}",
            sender=f"customer{customer:03d}@firm{customer % 89}.example",
            name=f"{random.choice(GIVEN)} {random.choice(FAMILY)}",
            text=text,
        )
        self._requests.append(request)
        file = random.randbytes(LARGE_FILE_BYTES if self.large else FILE_BYTES) if sort is Sort.FILE else b""
        raw = _mail(request, self._fields(request.subject, request.message_id, ()), text, file)
        number = len(self._requests) - 1
        return Mail(sort=sort, sender=request.sender, message_id=request.message_id, request=number, raw=raw)

    def _reply(self, index: int) -> Mail:
        number = self._random.randrange(max(1, len(self._requests) - BACK))
        request = self._requests[number]
        text = [*self._paragraphs(900), *(f"> {line}" for part in request.text[:3] for line in textwrap.wrap(part, 72))]
        message_id = self._message_id(index)
        raw = _mail(request, self._fields(f"Re: {request.subject}", message_id, (request.message_id,)), text, b"")
        return Mail(sort=Sort.REPLY, sender=request.sender, message_id=message_id, request=number, raw=raw)

    def _message_id(self, index: int) -> str:
        return f"<{self.run}.{index:06d}.{self._random.getrandbits(48):012x}@mail.example>"

    def _paragraphs(self, size: int) -> list[str]:
        parts: list[str] = []
        while sum(map(len, parts)) < size:
            parts.append(" ".join(self._sentence() for _ in range(self._random.randint(2, 5))))
        return parts

    def _sentence(self) -> str:
        words = self._random.choices(WORDS, k=self._random.randint(7, 16))
        if self._random.random() < 0.05:
            words[-1] = self._random.choice(TOUCHES)
        return " ".join(words).capitalize() + self._random.choice(".....?!")

    def _fields(self, subject: str, message_id: str, parents: Sequence[str]) -> list[str]:
        random = self._random
        when = f"{random.randint(1, 21)} Nov 2026 {random.randrange(24):02d}:{random.randrange(60):02d}:07 +0000"
        hops = [
            f"Received: from mx{hop}.example ([192.0.2.{random.randrange(1, 255)}]) by relay{hop}.example with ESMTPS"
            f"\r\n id {random.getrandbits(44):011X} for <{RECIPIENT}>; {when}"
            for hop in range(3)
        ]
        thread = [f"{name}: {parent}" for parent in parents for name in ("In-Reply-To", "References")]
        return [*hops, f"Date: {when}", f"Subject: {subject}", f"Message-ID: {message_id}", *thread]


def on_the_wire(raw: bytes) -> bytes:
    """Give the bytes of DATA: dots stuffed (RFC 5321 section 4.5.2), with the end mark."""
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + stuffed + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _mail(request: _Request, fields: Sequence[str], text: Sequence[str], file: bytes) -> bytes:
    name = base64.b64encode(request.name.encode()).decode()
    head = [
        f"From: =?utf-8?b?{name}?= <{request.sender}>",
        f"To: {RECIPIENT}",
        *fields,
        "MIME-Version: 1.0",
        "X-Mailer: Microsoft Outlook 16.0",
    ]
    body = _alternative(request, text)
    if file:
        body = _multipart("mixed", [body, _attachment(file)])
    return ("\r\n".join(head) + "\r\n" + body).encode()


def _alternative(request: _Request, text: Sequence[str]) -> str:
    plain = "\n\n".join(textwrap.fill(part, 76) for part in ["Hello,", *text, f"Regards, {request.name}"])
    style = "font-family:Calibri,sans-serif;font-size:11pt;color:#1f1f1f;margin:0 0 8pt 0"
    html = "\n".join(f'<p class="MsoNormal" style="{style}">{part}</p>' for part in text)
    page = f'<html><head><style>p.MsoNormal{{margin:0cm}}</style></head><body lang="EN">\n{html}\n</body></html>'
    return _multipart("alternative", [_text("plain", plain), _text("html", page)])


def _text(subtype: str, content: str) -> str:
    lines = content.encode().decode("latin-1").replace("=", "=3D")
    quoted = "".join(f"={ord(char):02X}" if ord(char) > 126 else char for char in lines)
    soft = "\r\n".join(_soft_breaks(line) for line in quoted.split("\n"))
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{soft}\r\n"
    )


def _soft_breaks(line: str) -> str:
    """Break a quoted-printable line at 76 characters, never inside `=XX` (RFC 2045 section 6.7)."""
    parts = []
    while len(line) > 76:
        cut = 75
        while "=" in line[cut - 2 : cut]:
            cut -= 1
        parts.append(line[:cut] + "=")
        line = line[cut:]
    return "\r\n".join([*parts, line])


def _attachment(content: bytes) -> str:
    encoded = base64.encodebytes(content).decode().replace("\n", "\r\n")
    return (
        'Content-Type: application/pdf; name="invoice.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="invoice.pdf"\r\n\r\n{encoded}'
    )


def _multipart(subtype: str, parts: Sequence[str]) -> str:
    border = f"=_{subtype}_{len(''.join(parts)):08x}_"
    inner = "".join(f"--{border}\r\n{part}\r\n" for part in parts)
    return f'Content-Type: multipart/{subtype}; boundary="{border}"\r\n\r\n{inner}--{border}--\r\n'
