# ruff: noqa: RUF001 - mails are written in the scripts of their languages
"""Recorded mails of many clients and languages, and what they say. A mail without an entry here is a failure."""

from pathlib import Path
from typing import Any, Final

import pytest
from mail_samples import CORPUS, recorded

from connectors.mail.parse import ParsedMail, parse, parse_tolerantly
from connectors.mail.report import report

EXPECTED: Final[dict[str, dict[str, Any]]] = {
    "apple-mixed-inline-fr": {
        "from": ("Hélène Dupré", "helene@atelier.example"),
        "subject": "Étiquette abîmée",
        "reply": "Bonjour, voici la photo de l’étiquette telle qu’elle est arrivée ce matin.\n\nMerci de la remplacer.",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [("étiquette abîmée.jpeg", "image/jpeg", 256)],
    },
    "docomo-iso2022jp": {
        "from": ("山田 花子", "hanako@keitai.example"),
        "subject": "注文番号の確認",
        "reply": "注文番号を教えてください。\n№12",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [],
    },
    "gb2312-extended-zh": {
        "from": ("镕基", "kefu@gongsi.example"),
        "subject": "回复：发票抬头",
        "reply": "发票抬头写错了，镕。",
        "class": "no",
        "muted": False,
        "in_reply_to": "out-8@shop.example",
        "files": [],
    },
    "gmail-alternative-pt": {
        "from": ("Conceição Araújo", "conceicao@correio.example"),
        "subject": "Não consigo concluir o pagamento do pedido 8812",
        "reply": "Olá,\n\no boleto do pedido 8812 não abre. Podem enviar outro?\n\nObrigada,\nConceição",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [],
    },
    "human-auto-submitted-no": {
        "from": ("Ola", "ola@home.example"),
        "subject": "Returned mail question",
        "reply": "One of my letters was returned. Whom do I ask?",
        "class": "no",
        "muted": True,
        "in_reply_to": "",
        "files": [],
    },
    "invitation-calendar": {
        "from": ("Planner", "planner@office.example"),
        "subject": "Invitation: hand-over of keys",
        "reply": "Hand-over of keys on Tuesday.",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [("calendar.ics", "text/calendar", 46)],
    },
    "nested-forward-en": {
        "from": ("Ann Lee", "ann@office.example"),
        "subject": "Fwd: delivery to the wrong floor",
        "reply": "See the attached mail of our porter.",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [("parcel on floor 3.eml", "message/rfc822", 406)],
    },
    "newsletter-list": {
        "from": ("News", "news@news.example"),
        "subject": "March offers",
        "reply": "March\n\nTwo for one & more\n\n- Tea\n\n- Soap",
        "class": "bulk",
        "muted": False,
        "in_reply_to": "",
        "files": [],
    },
    "outlook-reply-de": {
        "from": ("Krüger, Jörg", "joerg.krueger@werft.example"),
        "subject": "AW: [kran-support] Ersatzteil für Kran 7",
        "reply": "Guten Morgen,\n"
        "\n"
        "die Größe M16 passt. Bitte liefern Sie 4 Stück.\n"
        "\n"
        "Mit freundlichen Grüßen\n"
        "Jörg Krüger",
        "class": "no",
        "muted": True,
        "in_reply_to": "20260302.7f@kran.example",
        "files": [],
    },
    "postfix-dsn": {
        "from": ("Mail Delivery System", "MAILER-DAEMON@mx.example"),
        "subject": "Undelivered Mail Returned to Sender",
        "reply": "This is the mail system at host mx.example.",
        "class": "bounce",
        "muted": False,
        "in_reply_to": "",
        "files": [("delivery-status.txt", "message/delivery-status", 113), ("headers.txt", "text/rfc822-headers", 56)],
    },
    "qmail-bounce": {
        "from": ("", "MAILER-DAEMON@relay.example"),
        "subject": "failure notice",
        "reply": "Hi. This is the qmail-send program at relay.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n"
        "\n"
        "<nobody@gone.example>:\n"
        "192.0.2.25 does not like recipient.\n"
        "Remote host said: 550 5.1.1 User unknown\n"
        "\n"
        "--- Below this line is a copy of the message.\n"
        "\n"
        "Message-ID: <out-5@shop.example>\n"
        "Subject: Re: order",
        "class": "bounce",
        "muted": False,
        "in_reply_to": "",
        "files": [],
    },
    "raw-koi8-ru": {
        "from": ("Сергей Лебедев", "lebedev@pochta.example"),
        "subject": "Не приходит код подтверждения",
        "reply": "Здравствуйте! Второй день не приходит код подтверждения на телефон.",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [],
    },
    "smime-signed-pl": {
        "from": ("Łukasz Żak", "lukasz@urzad.example"),
        "subject": "Odp: Zgłoszenie",
        "reply": "Dziękuję, działa.",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [("smime.p7s", "application/pkcs7-signature", 20)],
    },
    "thunderbird-flowed-es": {
        "from": ("María José Ibáñez", "mj@granja.example"),
        "subject": "Re: Factura 2201",
        "reply": "Gracias, pero falta el NIF en la factura; sin él mi gestor no puede contabilizarla.",
        "class": "no",
        "muted": False,
        "in_reply_to": "f-2201@tienda.example",
        "files": [],
    },
    "truncated-base64": {
        "from": ("", "slow@slow.example"),
        "subject": "cut off",
        "reply": "half a file follows",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [("half.zip", "application/zip", 197)],
    },
    "unlabelled-cp1251-ru": {
        "from": ("Отдел закупок", "zakup@zavod.example"),
        "subject": "Счёт на оплату",
        "reply": "Добрый день, пришлите, пожалуйста, счёт на оплату по договору 14.",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [],
    },
    "unsafe-names": {
        "from": ("", "lab@lab.example"),
        "subject": "names",
        "reply": "four files",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [
            ("passwd", "application/octet-stream", 3),
            ("report.doc", "application/octet-stream", 3),
            ("invoicegpj.exe", "application/octet-stream", 5),
            ("Bill 12_2026.pdf", "application/octet-stream", 4),
        ],
    },
    "uuencode-lf": {
        "from": ("Charlie Root", "root@unix.example"),
        "subject": "log file",
        "reply": "The log:\n\n\nBye.",
        "class": "no",
        "muted": False,
        "in_reply_to": "",
        "files": [("system.log", "application/octet-stream", 18)],
    },
    "vacation-sv": {
        "from": ("Åsa Öberg", "asa@kommun.example"),
        "subject": "Autosvar: Er fråga",
        "reply": "Jag är på semester till den 20 mars.",
        "class": "auto_reply",
        "muted": False,
        "in_reply_to": "out-7@shop.example",
        "files": [],
    },
}


@pytest.mark.parametrize("path", recorded(), ids=lambda path: path.stem)
def test_a_recorded_mail_says_what_it_says(path: Path) -> None:
    found = report(path.read_bytes())
    summary = {
        "from": (found["from"]["name"], found["from"]["address"]),
        "subject": found["subject"],
        "reply": found["reply_text"],
        "class": found["automatic"],
        "muted": found["muted"],
        "in_reply_to": found["in_reply_to"],
        "files": [(item["filename"], item["content_type"], item["size"]) for item in found["attachments"]],
    }
    assert summary == EXPECTED[path.stem]


def test_every_expected_mail_is_there() -> None:
    assert {path.stem for path in recorded()} == set(EXPECTED)


def _facts(mail: ParsedMail) -> tuple[object, ...]:
    return (
        mail.sender, mail.to, mail.cc, mail.subject, mail.date, mail.message_id, mail.references, mail.text, mail.html,
        mail.classified, tuple((item.name, item.content_type, item.size, item.sha256) for item in mail.attachments),
    )  # fmt: skip


@pytest.mark.parametrize("path", recorded(), ids=lambda path: path.stem)
def test_both_decoders_agree_on_recorded_mails(path: Path) -> None:
    raw = path.read_bytes()
    assert _facts(parse(raw)) == _facts(parse_tolerantly(raw))


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real-world mail is not beside this checkout")
def test_the_corpus_parses_alike_with_both_decoders() -> None:
    for path in sorted((CORPUS / "messages").rglob("*.eml")):
        raw = path.read_bytes()
        assert _facts(parse(raw)) == _facts(parse_tolerantly(raw)), path.name
