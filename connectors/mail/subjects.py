# ruff: noqa: RUF001 - patterns stand in the scripts of their languages
"""Subjects: what their prefix claims, and what is left to compare. Prefixes of some thirty languages and clients."""

import re
import unicodedata
from typing import Final, NamedTuple

from schemas.message import SubjectPrefix
from schemas.numbers import without_tags

_REPLY: Final = (
    "re ref aw antw antwort sv vs vá va odp odpowiedź ynt cevap yan r rif ris res resp respuesta réf réponse ré rép "
    "atb ats отв ответ на отг відп απ σχετ ηα תגובה השב رد 答复 回复 回覆 回應 返信 답장 회신 bls balas tl hv svar"
)
_FORWARD: Final = (
    "fwd fw forward wg tr rv enc reenv reenviado i vl vb videresendt vidarebefordrat doorst doorgestuurd pd ilt i̇lt "
    "пересл переслано пер пд препр trs továbbítás πρθ προωθ הועבר 转发 轉寄 轉發 転送 전달"
)
_PHRASES: Final = {
    "trả lời": SubjectPrefix.REPLY,
    "chuyển tiếp": SubjectPrefix.FORWARD,
    "إعادة توجيه": SubjectPrefix.FORWARD,
    "podaj dalej": SubjectPrefix.FORWARD,
}
_KINDS: Final = (
    dict.fromkeys((word.casefold() for word in _REPLY.split()), SubjectPrefix.REPLY)
    | dict.fromkeys((word.casefold() for word in _FORWARD.split()), SubjectPrefix.FORWARD)
    | _PHRASES
)
_PREFIX: Final = re.compile(
    r"\s*([^\W\d_]{1,14}\u0307?(?:[ ]?[^\W\d_]{1,10})?)\.?\s{0,3}(?:[\[(]\d{1,4}[\])]|\^\d{1,4}|\*\d{1,3})?\s{0,3}[:：]"
)
_TAG: Final = re.compile(r"\s*\[(?:[^\[\]\s]{1,40}|[^\[\]]{0,30}#\s?\d{1,20})\]")
"""`[support-123]`, `[EXTERNAL]`, `[Ticket #123]`; not `[Order 123]` nor `(2024)`, which tell two matters apart."""

_BLANK: Final = re.compile(r"\s+")
_MAX_PREFIXES: Final = 50


class Subject(NamedTuple):
    """What a subject claims, and its base: folded, without prefixes and leading tags."""

    prefix: SubjectPrefix
    base: str


def read_subject(subject: str) -> Subject:
    """Strip prefixes, leading bracketed tags ([support-123]) and our own; the outermost prefix decides what it claims.

    A subject that is nothing but tags keeps them, so that two of them are not taken for the same.
    """
    claimed = SubjectPrefix.NONE
    rest, untagged = without_tags(subject[:998]), ""
    for _ in range(_MAX_PREFIXES):
        kind, after = _strip_prefix(rest)
        if kind is SubjectPrefix.NONE:
            tag = _TAG.match(rest)
            if tag is None:
                break
            untagged, after = rest, rest[tag.end() :]
        claimed = kind if claimed is SubjectPrefix.NONE else claimed
        rest = after
    base = fold(rest) or fold(untagged)
    return Subject(claimed, base)


def fold(text: str) -> str:
    """Fold for comparison: NFC, case folded, white space collapsed; at most 998 characters."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return _BLANK.sub(" ", text).strip()[:998]


def _strip_prefix(text: str) -> tuple[SubjectPrefix, str]:
    match = _PREFIX.match(text)
    kind = _KINDS.get(match[1].casefold(), SubjectPrefix.NONE) if match else SubjectPrefix.NONE
    return (kind, text[match.end() :]) if match and kind is not SubjectPrefix.NONE else (SubjectPrefix.NONE, text)
