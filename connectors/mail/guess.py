"""Which charset are these bytes? For text without a usable label, after UTF-8 has been ruled out.

Statistics libraries need some hundred characters; a subject line has twenty. The features used here (long runs of high
bytes, where the lower-case letters sit, kana, Hangul) decide short Cyrillic and East Asian text well. What they cannot
decide goes to charset-normalizer, bounded to a sample.
"""

import re
from typing import Final

_SAMPLE: Final = 4096
_TYPICAL: Final = 0.5
"""More than half of the text that is not ASCII consists of characters typical for the script."""
_EVIDENT: Final = 0.8
_LIKELY: Final = 0.6
_HANGUL_LEADS: Final = range(0xB0, 0xC9)
_GB_LEVEL_1_LEADS: Final = range(0xB0, 0xD8)
_RUN: Final = re.compile(rb"[\x80-\xff]+")
_KANA: Final = re.compile("[\u3041-\u3096\u30a1-\u30fc]")
_HANGUL: Final = re.compile("[\uac00-\ud7a3]")
_HAN: Final = re.compile("[\u4e00-\u9fa5]")
_HALF_KANA: Final = re.compile("[\uff61-\uff9f]")
_COMMON_CYRILLIC: Final = frozenset("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё")
_COMMON_GREEK: Final = frozenset("αοιετσνηυρπκμλςάίόέήύώ")


def guess(data: bytes) -> str:
    """Name the most likely codec for 8-bit bytes that are not UTF-8; windows-1252 when nothing speaks against it."""
    sample = _sample(data)
    if b"\x1b$" in sample:
        return "iso2022_jp_ext"
    runs = _RUN.findall(sample)
    high = sum(map(len, runs))
    if not high:
        return "cp1252"
    mean_run = high / len(runs)
    if mean_run < 2.2:  # noqa: PLR2004 - single accents among ASCII letters: a Latin script
        return "cp932" if _score_east_asian(sample, "cp932") > _TYPICAL else _latin(sample)
    alphabet, share = _alphabetic(sample)
    if share >= _EVIDENT:
        return alphabet
    return _east_asian(sample) or (alphabet if share >= _LIKELY else "") or _latin(sample)


def _sample(data: bytes) -> bytes:
    """Take lines that hold 8-bit bytes; long ASCII stretches say nothing."""
    first = _RUN.search(data)
    start = max(0, first.start() - 64) if first else 0
    return data[start : start + _SAMPLE]


def _east_asian(sample: bytes) -> str:
    best, best_score = "", 0.0
    for codec in ("cp932", "euc_jp", "cp949", "gb18030", "cp950"):
        score = _score_east_asian(sample, codec)
        if score > best_score:
            best, best_score = codec, score
    return best if best_score > _TYPICAL else ""


def _score_east_asian(sample: bytes, codec: str) -> float:
    try:
        text = sample.decode(codec)
    except UnicodeError:
        if len(sample) < _SAMPLE:
            return 0.0
        text = sample[:-8].decode(codec, "ignore")
    other = sum(character > "\x7f" for character in text)
    if not other:
        return 0.0
    kana, half = len(_KANA.findall(text)), len(_HALF_KANA.findall(text))
    han, hangul = len(_HAN.findall(text)), len(_HANGUL.findall(text))
    return {
        "cp932": (1.6 * kana + 0.75 * han - half) if kana else 0.0,
        "euc_jp": (1.6 * kana + 0.75 * han) if kana else 0.0,
        "cp949": 1.2 * hangul if _ksx1001(sample) else 0.0,
        "gb18030": 0.8 * han if _gb_level_1(sample) else 0.0,
        "cp950": 0.7 * han,
    }[codec] / other


def _pairs(sample: bytes) -> list[int]:
    return [byte for run in _RUN.findall(sample) if len(run) % 2 == 0 for byte in run[::2]]


def _ksx1001(sample: bytes) -> bool:
    leads = _pairs(sample)
    return bool(leads) and sum(lead in _HANGUL_LEADS for lead in leads) >= 0.8 * len(leads)


def _gb_level_1(sample: bytes) -> bool:
    leads = _pairs(sample)
    return bool(leads) and sum(lead in _GB_LEVEL_1_LEADS for lead in leads) >= 0.7 * len(leads)


def _alphabetic(sample: bytes) -> tuple[str, float]:
    """Give the likeliest alphabet and the share of its common lower-case letters."""
    scores = {
        codec: _letters(sample.decode(codec, "replace"), common)
        for codec, common in (
            ("cp1251", _COMMON_CYRILLIC),
            ("koi8_r", _COMMON_CYRILLIC),
            ("cp866", _COMMON_CYRILLIC),
            ("iso8859_5", _COMMON_CYRILLIC),
            ("cp1253", _COMMON_GREEK),
        )
    }
    best = max(scores, key=scores.__getitem__)
    return best, scores[best]


def _letters(text: str, common: frozenset[str]) -> float:
    other = [character for character in text if character > "\x7f"]
    if not other:
        return 0.0
    good = sum(character in common for character in other)
    fair = sum(character.lower() in common for character in other) - good
    return (good + 0.5 * fair) / len(other)


def _latin(sample: bytes) -> str:
    """Western or Central European? Ask charset-normalizer only when there is enough text for it."""
    if len(sample) < 200:  # noqa: PLR2004 - too short for statistics; windows-1252 is by far the most common
        return "cp1252"
    from charset_normalizer import from_bytes  # noqa: PLC0415 - costs 60 ms to load and is rarely needed

    best = from_bytes(sample, cp_isolation=["cp1252", "cp1250", "cp1254", "cp1257", "iso8859_15"]).best()
    return best.encoding if best else "cp1252"
