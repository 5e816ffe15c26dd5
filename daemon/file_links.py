"""Links to files that go out, for platforms that fetch from us: signed, they expire, and they lead to one file each.

`daemon.file_door` serves them.

A token holds the file's digest, its content type and when it expires, under an HMAC with a key of the installation. So
nothing is stored, nothing can be listed or guessed, and a token of another installation opens nothing.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from typing import Final

PATH: Final = "/out/"
LIFE: Final = timedelta(days=14)
"""People's programs fetch when they open the message, not only when it comes."""
MAX_TOKEN: Final = 400
MAX_TYPE: Final = 120
PLAIN_TYPE: Final = "application/octet-stream"
SHOWN_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "video/mp4", "audio/mpeg", "application/pdf"})
"""Types that are said as they are; everything else is bytes."""
_USE: Final = b"switchboard public file link 1"
_HEAD: Final = Struct(">BI32s")
_VERSION: Final = 1
_MAC: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """The file that a token opens."""

    sha256: str
    content_type: str


class FileLinks:
    """Makes tokens and checks them. `secret` is the installation's; what signs is derived from it."""

    def __init__(self, *, secret: bytes) -> None:
        self._key = hmac.digest(secret, _USE, "sha256")

    def token(self, sha256_hex: str, content_type: str, *, until: datetime) -> str:
        """Make a token."""
        said = content_type if content_type in SHOWN_TYPES else PLAIN_TYPE
        body = _HEAD.pack(_VERSION, int(until.timestamp()), bytes.fromhex(sha256_hex)) + said.encode()[:MAX_TYPE]
        return urlsafe_b64encode(body + self._mac(body)).rstrip(b"=").decode()

    def opened(self, token: str, *, now: datetime) -> Linked | None:
        """Give what a token opens; None for one that is not ours, was altered or has expired."""
        if not token.isascii() or len(token) > MAX_TOKEN:
            return None
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (Base64Error, ValueError):
            return None
        body, mac = raw[:-_MAC], raw[-_MAC:]
        if not hmac.compare_digest(mac, self._mac(body)) or len(body) < _HEAD.size:
            return None
        version, until, digest = _HEAD.unpack_from(body)
        if version != _VERSION or now >= datetime.fromtimestamp(until, UTC) or token != self._again(raw):
            return None
        return Linked(sha256=digest.hex(), content_type=body[_HEAD.size :].decode("ascii", "replace"))

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, sha256).digest()

    @staticmethod
    def _again(raw: bytes) -> str:
        """Write it the one way there is: no second token opens the same."""
        return urlsafe_b64encode(raw).rstrip(b"=").decode()
