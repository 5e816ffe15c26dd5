"""Bytes to text: charset names as they are written, and guesses where they are missing or wrong. Never raises.

Web practice beats the letter (WHATWG Encoding Standard, section 4.2): iso-8859-1 means windows-1252, gb2312 means
gb18030, ks_c_5601-1987 means windows-949, shift_jis means windows-31j.
"""

import codecs
import re
from functools import lru_cache
from typing import Final

from connectors.mail.guess import guess
from connectors.mail.japanese import decode_iso2022

_ALIASES: Final = {
    "ascii": "cp1252", "us-ascii": "cp1252", "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252",
    "iso8859-1": "cp1252", "iso-8859": "cp1252", "iso88591": "cp1252", "8859-1": "cp1252", "ansi": "cp1252",
    "iso-ir-100": "cp1252", "iso-8859-1-windows-3.1-latin-1": "cp1252", "windows-1252http-equivcontent-type": "cp1252",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "gb-2312": "gb18030", "gb_2312-80": "gb18030",
    "gb18030-2000": "gb18030", "cp936": "gb18030", "windows-936": "gb18030", "chinesebig5": "cp950",
    "big5": "cp950", "big-5": "cp950", "x-x-big5": "cp950", "cn-big5": "cp950", "windows-950": "cp950",
    "big5-hkscs": "big5hkscs", "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "ks-c-5601-1987": "cp949",
    "ksc5601": "cp949", "ks_c_5601": "cp949", "ksc_5601": "cp949", "korean": "cp949", "windows-949": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "ms_kanji": "cp932",
    "windows-31j": "cp932", "cp943": "cp932", "x-euc-jp": "euc_jp", "x-euc": "euc_jp",
    "iso-2022-jp": "iso2022_jp_ext", "iso-2022-jp-1": "iso2022_jp_ext", "iso-2022-jp-ms": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext", "cp50221": "iso2022_jp_ext", "cp50222": "iso2022_jp_ext",
    "iso-8859-8-i": "iso8859_8", "iso-8859-8-e": "iso8859_8", "iso-8859-6-i": "iso8859_6", "visual": "iso8859_8",
    "dos-874": "cp874", "windows-874": "cp874", "tis620": "cp874", "tis-620": "cp874", "iso-8859-11": "cp874",
    "iso-8859-9": "cp1254", "latin5": "cp1254", "koi8": "koi8_r", "koi": "koi8_r", "koi8-ru": "koi8_u",
    "cyrillic": "cp1251", "win-1251": "cp1251", "win1251": "cp1251", "x-cp1251": "cp1251", "x-cp1252": "cp1252",
    "x-mac-cyrillic": "mac_cyrillic", "x-mac-roman": "mac_roman", "macintosh": "mac_roman", "mac": "mac_roman",
    "x-mac-ce": "mac_latin2", "unicode-1-1-utf-7": "utf_7", "unicode-2-0-utf-7": "utf_7",
    "unicode-1-1-utf-8": "utf_8", "utf8mb4": "utf_8", "utf8mb3": "utf_8", "unicode": "utf_16", "utf": "utf_8",
    "uft-8": "utf_8", "uft8": "utf_8", "utf-8859-1": "utf_8", "utf-8-sig": "utf_8", "un-utf-8": "utf_8",
    "cesu-8": "utf_8", "ucs-2": "utf_16", "iso-10646-ucs-2": "utf_16", "unicodefffe": "utf_16_be",
}  # fmt: skip
_UNFIT: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined", "mbcs", "oem", "palmos", "utf-8-sig"}
)
"""Text codecs of Python that are no charsets (some are slow on purpose-made input)."""
_NAME: Final = re.compile(r"[^a-z0-9_.:;+-]")
_WINDOWS: Final = re.compile(r"^(?:x-)?(?:cp|windows|win|ms|ibm|x-cp|windows-cp)[-_ ]?(\d{3,5})$")
_ISO: Final = re.compile(r"^iso[-_ ]?8859[-_ ]?(\d{1,2})(?:[-_:].*)?$")


@lru_cache(maxsize=512)
def codec_of(name: str) -> str:
    """Give the codec for a charset as written, or nothing for one that nobody knows."""
    label = _NAME.sub("", name.strip().strip("'\"").lower())[:60]
    for candidate in _candidates(label):
        try:
            info = codecs.lookup(candidate)
        except (LookupError, ValueError):
            continue
        if getattr(info, "_is_text_encoding", True) and info.name not in _UNFIT:
            return info.name
    return ""


def is_known(charset: str) -> bool:
    """Say whether the name means a charset that we can decode."""
    return bool(codec_of(charset))


def decode_text(data: bytes, declared: str = "") -> str:
    """Decode by the declared charset; where it is missing, unknown or evidently wrong, guess."""
    codec = codec_of(declared) if declared else ""
    if not codec or data.isascii():
        return _ascii_or_guess(data, codec)
    if codec == "cp1252":
        return _utf8_or(data, codec)
    text = _strict(data, codec)
    return text if text is not None else _repair(data, codec)


def decode_unlabelled(data: bytes, hint: str = "") -> str:
    """Decode raw 8-bit bytes without a charset of their own: UTF-8, then the hint, then a guess."""
    text = _strict(data, "utf_8")
    if text is not None:
        return text
    codec = codec_of(hint) if hint else ""
    if codec and codec not in {"utf-8", "cp1252"}:
        text = _strict(data, codec)
    return text if text is not None else _lenient(data, guess(data))


def _candidates(label: str) -> tuple[str, ...]:
    windows, iso = _WINDOWS.match(label), _ISO.match(label)
    found = [_ALIASES.get(label, ""), _ALIASES.get(f"windows-{windows[1]}", f"cp{windows[1]}") if windows else ""]
    found += [_ALIASES.get(f"iso-8859-{iso[1]}", f"iso8859_{iso[1]}") if iso else "", label, label.removeprefix("x-")]
    found += ["utf_8" if re.search(r"utf_?-?8", label) else ""]
    return tuple(name for name in found if name)


def _ascii_or_guess(data: bytes, codec: str) -> str:
    if not data.isascii():
        return decode_unlabelled(data)
    if codec in {"utf-7", "hz"} or (codec.startswith(("utf-16", "utf-32")) and b"\x00" in data):
        return _lenient(data, codec)
    if b"\x1b" in data and (codec.startswith("iso2022") or codec in {"", "cp1252"}):
        return decode_iso2022(data, codec)
    return data.decode("ascii")


def _utf8_or(data: bytes, codec: str) -> str:
    text = _strict(data, "utf_8")
    if text is not None:
        return text
    return _lenient(data, codec)


def _repair(data: bytes, codec: str) -> str:
    """Decode what its declared charset does not fit: the charset with replacements, or a better one."""
    text = _strict(data, "utf_8")
    if text is not None:
        return text
    lenient = _lenient(data, codec)
    if lenient.count("\ufffd") * 20 <= len(lenient):
        return lenient
    return _lenient(data, guess(data))


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None


def _lenient(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec, "replace")
    except (UnicodeError, ValueError, LookupError):
        return data.decode("latin-1")
