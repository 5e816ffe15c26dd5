# ruff: noqa: RUF001 - patterns stand in the scripts of their languages
"""Delivery reports: those that say so (RFC 3462, RFC 3464), and those of systems that write prose instead.

A report without a standard form is told by several signs together (who sent it, its subject, phrases of its text),
never by one that a customer's mail may carry: people forward and discuss bounces.
"""

import re
from typing import Final

from connectors.mail.fields import Head

_SENDER: Final = re.compile(
    r"^(?:\"?mailer[-_.]?daemon\"?|post[-_]?master|mail[-_.]?daemon|mailer|mail-?system|mdaemon|maildelivery|"
    r"bounces?|bounce-.*)(?:[+@]|$)",
    re.IGNORECASE,
)
_SUBJECT: Final = re.compile(
    r"undeliver|undelivrable|unzustellbar|not? deliver|non[- ]?deliver|nondeliver|"
    r"deliver(?:y|ed)?[^\n]{0,30}(?:fail|problem|report|status|error|delay|notification|unable|not possible)|"
    r"fail(?:ed|ure)?[^\n]{0,20}(?:deliver|notice|notification)|returned?(?: e?-?mail| to sender|:| message)|"
    r"mail[^\n]{0,20}(?:error|fail|returned|rejected|problem)|message (?:rejected|delay|not|status|you sent blocked)|"
    r"could(?: not|n't) be delivered|user unknown|unknown (?:user|address|recipient)|rejected|bounced?\b|"
    r"warning: could not send|could not send message|permanent error|non remis|non recapitabil|"
    r"mancat[ao] (?:recapito|consegna)|"
    r"no (?:se ha podido )?entrega|devuelto|devolvid|n[aã]o entregue|falha na entrega|onbestelbaar|"
    r"niet (?:bezorgd|afgeleverd)|"
    r"niedostarczon|zwrot wiadomo|недостав|не доставлен|не удалось|невозможно|возвращ[её]н|"
    r"kan inte levereras|kunne ikke leveres|ikke leveret|配信|送信でき|エラー|退信|无法投递|投递失败|退回|배달",
    re.IGNORECASE,
)
_TEXT: Final = re.compile(
    r"created automatically by mail delivery software|this is the (?:qmail|mail system|postfix|mail delivery|"
    r"mtaexchange)|"
    r"(?:could|can|did|was|were|has|have)(?: ?not|n't)[^\n]{0,20}(?:be(?:en)? |able to )?(?:deliver|reach)|"
    r"unable to deliver|undeliverable|failed to deliver|delivery (?:to|has|of)[^\n]{0,60}(?:fail|delay|"
    r"abort)|deliver(?:y|ing)[^\n]{0,40}(?:fail|error)|"
    r"permanent(?:ly)? (?:fatal )?(?:errors?|fail)|fatal errors|mailbox (?:is )?(?:full|unavailable|"
    r"not found|unknown)|over ?quota|"
    r"user unknown|unknown user|no such (?:user|person|recipient|mailbox|address)|address(?: was)? not found|"
    r"does not exist|"
    r"recipient (?:address )?(?:rejected|unknown)|is not (?:listed|known|a valid)|original message follows|"
    r"returned (?:message|mail)|transcript of session|undelivered|non-?delivery|"
    r"\b[45]\d\d[ -]#?[45]\.\d{1,3}\.\d{1,3}|\bstatus: [45]\.\d|\b5[05]\d [^\n]{0,60}(?:mailbox|user|"
    r"recipient|relay|address|reject)|"
    r"(?:konnte nicht|nicht) zugestellt|недостав|не (?:может быть |был[оа]? )?доставлен|n'a pas pu|"
    r"no se pudo|non (?:è stato|recapit)|"
    r"не удалось|niet worden (?:bezorgd|afgeleverd)|配信|届け|存在しません|メールアドレス|無法|无法",
    re.IGNORECASE,
)
_STRONG_TEXT: Final = re.compile(
    r"created automatically by mail delivery software|this is the qmail-send program|this is the mail system at host|"
    r"(?:the following|these) (?:address(?:es)?|recipients?)[^\n]{0,20} had (?:permanent|transient)|"
    r"undelivered mail returned to sender|your message was not delivered|message could not be delivered to|"
    r"this is (?:an automatically generated|a permanent error;)|"
    r"delivery to the following recipients? (?:has )?(?:failed|aborted)|"
    r"\b(?:final-recipient|diagnostic-code): ",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"^\s*(?:re|aw|fwd?|wg|sv|tr|rv|enc|отв|пересл)\s*(?:\[\d+\])?:", re.IGNORECASE)
_DELIVERY_TYPES: Final = frozenset(
    {"message/delivery-status", "message/global-delivery-status", "message/feedback-report"}
)
_SAMPLE: Final = 6000


def is_report(head: Head, media_types: tuple[str, ...]) -> bool:
    """Say whether the mail declares itself a delivery report. A read receipt (RFC 8098) is none."""
    if "x-failed-recipients" in head or _DELIVERY_TYPES.intersection(media_types):
        return True
    if "message/disposition-notification" in media_types or not media_types:
        return False
    return (
        media_types[0] == "multipart/report" and b"disposition-notification" not in head.first("content-type").lower()
    )


def reads_like_one(subject: str, sender: str, text: str, *, null_sender: bool, reply: bool) -> bool:
    """Say whether sender, subject and text together tell of a bounce. `reply`: it has marks of an automatic reply."""
    daemon = bool(_SENDER.match(sender))
    titled = bool(_SUBJECT.search(subject[:300])) and not _QUOTED.match(subject)
    if not (daemon or null_sender):
        return titled and not reply and bool(_STRONG_TEXT.search(text[:_SAMPLE]))
    if reply:
        return titled or bool(_STRONG_TEXT.search(text[:_SAMPLE]))
    return titled or (daemon and null_sender) or bool(_TEXT.search(text[:_SAMPLE]))
