"""ISO-2022-JP as it is mailed: with the NEC and IBM characters that the standard's own codec refuses."""

from collections.abc import Iterator
from typing import Final

_LOW: Final = 0x21
_HIGH: Final = 0x7E
_LAST_LOW_ROW: Final = 0x5E
_LAST_LOW_CELL: Final = 0x5F


def decode_iso2022(data: bytes, codec: str = "") -> str:
    """Decode 7-bit ISO-2022 text. Never raises. `codec`: which member of the family was declared, if any."""
    if codec in {"iso2022_kr", "iso2022_jp_2"}:
        return data.decode(codec, "replace")
    try:
        return data.decode("iso2022_jp_ext")
    except UnicodeError:
        return "".join(_segments(data))


def _segments(data: bytes) -> Iterator[str]:
    first, *rest = data.split(b"\x1b")
    yield first.decode("ascii", "replace")
    for segment in rest:
        if segment[:2] in {b"$@", b"$B"}:
            yield _shifted(segment[2:]).decode("cp932", "replace")
        elif segment[:2] == b"(I":
            yield bytes(byte | 0x80 for byte in segment[2:]).decode("cp932", "replace")
        else:
            yield segment[2:].decode("ascii", "replace")


def _shifted(pairs: bytes) -> bytes:
    """Turn JIS X 0208 pairs into Shift JIS, whose Windows codec knows rows 13 and 89 to 119."""
    out = bytearray()
    for row, cell in zip(pairs[::2], pairs[1::2], strict=False):
        if not (_LOW <= row <= _HIGH and _LOW <= cell <= _HIGH):
            out += b"?"
            continue
        out.append((row + 1) // 2 + (0x70 if row <= _LAST_LOW_ROW else 0xB0))
        odd = cell + (0x1F if cell <= _LAST_LOW_CELL else 0x20)
        out.append(odd if row % 2 else cell + 0x7E)
    return bytes(out)
