"""Parameters of Content-Type and Content-Disposition: RFC 2045 section 5.1, RFC 2231, and what clients write."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from connectors.mail.charsets import decode_text
from connectors.mail.words import decode_value

_PARAMETER: Final = re.compile(
    rb';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*(?:"|\Z)|[^;]*)',
    re.DOTALL,
)
_CONTINUED: Final = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?$")
_COMMENT: Final = re.compile(rb"\([^()]*\)")
_TYPE: Final = re.compile(rb"\s*([\w!#$&^.+-]+)\s*/\s*([\w!#$&^.+*-]+)")
_QUOTED_PAIR: Final = re.compile(rb'\\(["\\])')


class Parameters(NamedTuple):
    """A value and its parameters, names in lower case, raw and decoded."""

    value: str
    raw: Mapping[str, bytes]

    def text(self, name: str, hint: str = "") -> str:
        """Decode one parameter: RFC 2231 first, then encoded words (forbidden, but everywhere), then 8-bit guesses."""
        if name in self.raw:
            return decode_value(self.raw[name], hint)
        return _extended(name, self.raw, hint)

    def token(self, name: str) -> str:
        """Give one parameter that can only be ASCII (charset, format), lower-cased."""
        return self.text(name).strip().lower()


def parse_parameters(field: bytes) -> Parameters:
    """Split `type/subtype; name=value ...`. Never raises; the first of two equal names wins."""
    value, _, _ = field.partition(b";")
    found: dict[str, bytes] = {}
    for match in _PARAMETER.finditer(field):
        name = match[1].decode("ascii", "replace").lower()
        found.setdefault(name, _unquote(match[2]))
    return Parameters(value.decode("ascii", "replace").strip().lower(), found)


def media_type(field: bytes) -> str:
    """Give `type/subtype` in lower case, or nothing when the field holds no such thing."""
    match = _TYPE.match(_COMMENT.sub(b"", field) if b"(" in field else field)
    return f"{match[1].decode('ascii', 'replace')}/{match[2].decode('ascii', 'replace')}".lower() if match else ""


def _unquote(value: bytes) -> bytes:
    value = value.strip()
    if not value.startswith(b'"'):
        return value.strip(b"'") if value[:1] == b"'" == value[-1:] else value
    return _QUOTED_PAIR.sub(rb"\1", value.strip(b'"') if value.count(b'"') > 1 else value[1:])


def _extended(name: str, raw: Mapping[str, bytes], hint: str) -> str:
    pieces: dict[int, tuple[bool, bytes]] = {}
    for key, value in raw.items():
        match = _CONTINUED.match(key)
        if match and match[1] == name:
            pieces.setdefault(int(match[2] or 0), (match[3] is not None, value))
    if not pieces:
        return ""
    ordered = [pieces[number] for number in sorted(pieces)]
    charset, first = _charset_of(*ordered[0])
    data = b"".join(unquote_to_bytes(v) if encoded else v for encoded, v in [(ordered[0][0], first), *ordered[1:]])
    if not any(encoded for encoded, _ in ordered):
        return decode_value(data, hint)
    return decode_text(data, charset or hint)


def _charset_of(encoded: bool, value: bytes) -> tuple[str, bytes]:  # noqa: FBT001 - a pair taken apart
    parts = value.split(b"'", 2)
    if not encoded or len(parts) != 3:  # noqa: PLR2004 - charset'language'value, RFC 2231 section 4
        return "", value
    return parts[0].decode("ascii", "replace"), parts[2]
