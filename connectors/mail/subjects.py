"""Subjects: what their prefix claims, and what is left to compare. Prefix words of some thirty languages and clients."""

import re
import unicodedata
from typing import Final, NamedTuple

from schemas.message import SubjectPrefix

_REPLY: Final = (
    "re ref aw antw antwort sv vs vs. vá va odp odpowiedź ynt cevap yan r rif ris res resp respuesta réf réponse ré rép "
    "rép. atb ats "
    "отв ответ на на: отг відп повідомлення απ σχετ ηα תגובה השב رد 答复 回复 回覆 回應 返信 답장 회신 "
    "bls balas trả lời tl ref: "
    "hv svar "
)
_FORWARD: Final = (
    "fwd fw forward wg tr rv enc reenv reenviado i vl vb vs-fwd videresendt vidarebefordrat doorst doorgestuurd pd "
    "podaj dalej i̇lt ilt ilet пересл переслано fwd: пер пд препр trs továbbítás πρθ προωθ הועבר إعادة توجيه 转发 轉寄 轉發 転送 전달 "
    "trn chuyển tiếp fs "
)
_MORE: Final = (("tr", SubjectPrefix.FORWARD), ("trả lời", SubjectPrefix.REPLY), ("إعادة توجيه", SubjectPrefix.FORWARD))
_KINDS: Final = (
    {word.rstrip(":.").casefold(): SubjectPrefix.REPLY for word in _REPLY.split()}
    | {word.rstrip(":.").casefold(): SubjectPrefix.FORWARD for word in _FORWARD.split()}
    | {phrase.casefold(): kind for phrase, kind in _MORE}
)
_PREFIX: Final = re.compile(
    r"\s*([^\W\d_]{1,14}(?:[ \u0307][^\W\d_]{1,10})?)\s{0,3}(?:[\[(]\d{1,4}[\])]|\^\d{1,4}|\*\d{1,3})?\s{0,3}[:：]"
)
_TAG: Final = re.compile(r"\s*[\[(][^\[\]()]{0,60}\d[^\[\]()]{0,60}[\])]|\s*\[[^\[\]]{1,40}\]")
_BLANK: Final = re.compile(r"\s+")
_MAX_PREFIXES: Final = 50


class Subject(NamedTuple):
    """What a subject claims, and its base: folded, without prefixes and leading tags."""

    prefix: SubjectPrefix
    base: str


def read_subject(subject: str) -> Subject:
    """Strip prefixes and leading bracketed tags ([support-123]); the outermost prefix decides what it claims.

    A subject that is nothing but tags keeps them, so that two of them are not taken for the same.
    """
    claimed = SubjectPrefix.NONE
    rest, untagged = subject[:998], ""
    for _ in range(_MAX_PREFIXES):
        kind, after = _strip_prefix(rest)
        if kind is SubjectPrefix.NONE:
            after = _strip_tag(rest)
            if after is None:
                break
            untagged = rest
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


def _strip_tag(text: str) -> str | None:
    match = _TAG.match(text)
    return text[match.end() :] if match else None
