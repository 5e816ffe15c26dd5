# ruff: noqa: RUF001 - patterns stand in the scripts of their languages
"""How mail programs announce a quotation, in the languages that we know of; `quotes` applies the patterns to lines.

Every pattern is applied to at most a few hundred characters and has no nested repetition.
"""

import re
from typing import Final

_WROTE: Final = (
    r"wrote|writes|said|schrieb|schreibt|geschrieben|a écrit|a ecrit|écrit|escribió|escribio|ha escrito|"
    r"escribe|ha scritto|"
    r"scrisse|scrive|escreveu|schreef|heeft geschreven|geschreven|napisał|napisała|napisał\(a\)|pisze|napsal|napsala|"
    r"napísal|skrev|skrifaði|kirjoitti|írta|ezt írta|a scris|scris|yazdı|написал|написала|написал\(а\)|пишет|"
    r"писал|писала|"
    r"написав|пише|έγραψε|כתב|כתבה|كتب|va escriure|je napisal|rašė|kirjutas|viết|đã viết|menulis|dihantar"
)
_WROTE_EAST: Final = r"写道|寫道|のメッセージ|書きました|님이 작성|작성"
_START: Final = (
    r"on|am|le|el|il|op|em|w dniu|dnia|den|på|tirsdag|a|la|lø|ti|to|fr|ma|pe|su|ke|dne|dňa|tarih|στις|ב|в|on the|"
    r"mon|tue|wed|thu|fri|sat|sun|no dia|pada|vào|في|il giorno"
)
WROTE: Final = re.compile(rf"\b(?:{_WROTE})(?:\s[^\n:]{{0,120}})?\s?[:：][\s*_]*$", re.IGNORECASE)
"""A verb of writing near the end: `On Monday, Ann wrote:`, `Am 1.1. schrieb Ann:`."""

BEGINNING: Final = re.compile(rf"^[\s*_-]*(?:(?:{_START})\b|\d)", re.IGNORECASE)
"""How an attribution begins."""

WHEN_OR_WHO: Final = re.compile(rf"^[\s*_-]*(?:{_START})\b|\d|<[^\n<>]{{3,200}}>", re.IGNORECASE)
"""What else an attribution has: a word for the day, a number, or an address."""

ATTRIBUTION_EAST: Final = re.compile(rf"(?:{_WROTE_EAST})\s?[:：]?\s*$")
DATED_ADDRESS: Final = re.compile(
    r"^[\s*]*(?:\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}|\d{1,2}[-/. ]\S{2,12}[-/. ]\d{4}|"
    r"\w{2,12},? \d{1,2} \w{3,12} \d{4})[^\n]{0,160}"
    r"<?[^\s<>]+@[^\s<>]+>?\s?[:：]?\s*$|"
    r"^[^\n]{0,60}\d{1,2}[:.h]\d{2}[^\n]{0,80}<[^\s<>]+@[^\s<>]+>\s?[:：]\s*$"
)
"""`2012/11/8 Ann <ann@example.org>:` without any verb."""

_ORIGINAL: Final = (
    r"original message|original email|reply message|original appointment|ursprüngliche nachricht|"
    r"originalnachricht|ursprüngliche mail|"
    r"urspr\.? ?nachricht|message d'origine|message original|message initial|mensaje original|"
    r"mensagem original|messaggio originale|"
    r"oorspronkelijk bericht|oorspronkelijke bericht|wiadomość oryginalna|oryginalna wiadomość|"
    r"исходное сообщение|оригинальное сообщение|"
    r"исходное письмо|початкове повідомлення|oprindelig meddelelse|opprinnelig melding|"
    r"ursprungligt meddelande|oprindelig besked|"
    r"originalmeddelande|alkuperäinen viesti|původní zpráva|pôvodná správa|eredeti üzenet|orijinal mesaj|"
    r"mesaj original|"
    r"αρχικό μήνυμα|原始邮件|原始郵件|原邮件|元のメッセージ|original-nachricht|원본 메일|원본 메시지|"
    r"quoted text|antwort"
)
ORIGINAL: Final = re.compile(rf"^[\s>]*[-_=*]{{2,}}\s*(?:{_ORIGINAL})\s*[-_=*:]*\s*$", re.IGNORECASE)
FORWARDED: Final = re.compile(
    r"^[\s>]*(?:[-_=*]{3,}\s*(?:forwarded (?:message|by)|weitergeleitete nachricht|message transféré|"
    r"message transmis|"
    r"mensaje reenviado|mensagem encaminhada|messaggio inoltrato|doorgestuurd bericht|wiadomość przekazana|"
    r"пересланное сообщение|пересылаемое сообщение|vidarebefordrat meddelande|videresendt (?:besked|melding)|"
    r"転送メッセージ|转发的邮件|轉寄)[^\n]{0,80}|begin forwarded message:|"
    r"anfang der weitergeleiteten (?:nachricht|e-mail):|"
    r"début du message (?:réexpédié|transféré)\s?:)\s*$",
    re.IGNORECASE,
)
RULE: Final = re.compile(r"^[\s>]*[_]{20,}\s*$")
REPLY_ABOVE: Final = re.compile(
    r"^[^\w\n]{0,10}(?:please )?(?:(?:type|write|enter) your )?(?:reply|"
    r"respond)[^\n]{0,20} above this (?:line|message)|"
    r"^[^\w\n]{0,10}bitte (?:antworten sie )?(?:über|oberhalb) dieser (?:linie|zeile)|"
    r"^[^\w\n]{0,10}répondre au-dessus de cette ligne",
    re.IGNORECASE,
)
_FROM: Final = (
    r"from|von|de|da|van|od|från|fra|lähettäjä|от|від|від кого|отправитель|feladó|kimden|gönderen|από|"
    r"差出人|发件人|寄件者|寄件人|보낸 사람|보낸사람|מאת|من"
)
_OTHER: Final = (
    r"sent|to|cc|subject|date|reply-to|importance|gesendet|an|betreff|datum|kopie|envoyé|envoye|à|objet|"
    r"sujet|copie(?: à)?|enviado(?: el| em|: el)?|"
    r"enviada(?: em)?|para|asunto|assunto|fecha|data|inviato|a|oggetto|verzonden|aan|onderwerp|wysłano|"
    r"wysłane|do|dw|temat|"
    r"skickat|till|ämne|kopia|sendt|til|emne|dato|lähetetty|vastaanottaja|aihe|päivämäärä|отправлено|кому|"
    r"копия|тема|дата|надіслано|"
    r"odesláno|komu|předmět|odoslané|predmet|elküldve|címzett|tárgy|gönderildi|kime|konu|送信日時|宛先|件名|"
    r"日時|发送时间|發送時間|收件人|收件者|"
    r"抄送|主题|主旨|日期|寄件日期|보낸 날짜|날짜|받는 사람|받는사람|제목"
)
HEADER_FROM: Final = re.compile(
    rf"^[\s>]*[*_]{{0,2}}(?:{_FROM}|message du)\s?[*_]{{0,2}}\s?[:：][*_]{{0,2}}\s*\S", re.IGNORECASE
)
HEADER_OTHER: Final = re.compile(rf"^[\s>]*[*_]{{0,2}}(?:{_OTHER})\s?[*_]{{0,2}}\s?[:：]", re.IGNORECASE)
SEPARATOR: Final = re.compile(r"^[\s>]*(?:[-_=*]{3,}[^\n]{0,60}[-_=*]{3,}|[-_=*]{5,})\s*$")
SIGNATURE: Final = re.compile(r"^(?:--|—|__|-- )\s*$|^--\s?\w[^\n]{0,40}$")
SENT_FROM: Final = re.compile(
    r"^(?:(?:sent|delivered) (?:from|via|with|using) (?:my|the|a|outlook|yahoo|gmail|mail|samsung|nine|blue|"
    r"proton|spark|mobile)|"
    r"get outlook for |von meinem [^\n]{0,40} gesendet|gesendet (?:von|mit|über)|envoyé (?:de|depuis)|"
    r"enviado (?:desde|do|de|a partir)|"
    r"enviada do|inviato da|verstuurd vanaf|verzonden vanaf|verzonden met|wysłane z|wysłano z|skickat från|sendt fra|"
    r"lähetetty |отправлено (?:с|из)|надіслано (?:з|із)|odesláno z|iphoneから送信|从我的|發自我的|发自我的|"
    r"나의 [^\n]{0,20}에서 보냄)[^\n,]{0,120}$",
    re.IGNORECASE,
)
