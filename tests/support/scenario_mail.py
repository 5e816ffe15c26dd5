"""Builds the bytes of a scenario's mails, as common mail programs write them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from typing import Any, Final

from connectors.mail.subjects import read_subject

_BLANK: Final = re.compile(r"\{(number|tag|id|reply address|token) of ([^}]+)\}")

NESTED: Final = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(200))
"""Parts inside parts, deeper than any mail: `{nested}` in a raw mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A mail that somebody sent, or that we sent: its bytes, and what an answer to it needs."""

    raw: bytes
    message_id: str
    subject: str
    references: tuple[str, ...] = ()
    reply_to: str = ""

    def headers(self, *names: str) -> list[str]:
        """Give these fields as written."""
        mail = message_from_bytes(self.raw, policy=SMTP)
        return [str(value) for name in names for value in mail.get_all(name, [])]

    @classmethod
    def of(cls, raw: bytes) -> "Written":
        """Read what we sent."""
        mail = message_from_bytes(raw, policy=SMTP)
        return cls(
            raw=raw,
            message_id=str(mail["Message-ID"] or ""),
            subject=str(mail["Subject"] or ""),
            references=tuple(str(mail["References"] or "").split()),
            reply_to=str(mail["Reply-To"] or ""),
        )


@dataclass(kw_only=True)
class Post:
    """What was written so far, by the name of its step. `fills` gives what braces stand for."""

    people: Mapping[str, str]
    account: str
    fills: Callable[[str, str], str]
    written: dict[str, Written] = field(default_factory=dict)

    def party(self, name: str) -> str:
        """Give a person by name, an address as it is."""
        return self.fill(self.people.get(name, name))

    def parties(self, names: str | Sequence[str]) -> list[str]:
        return [self.party(name) for name in ([names] if isinstance(names, str) else names)]

    def fill(self, text: str) -> str:
        """Put numbers, ids, addresses and tokens in the place of braces."""
        return _BLANK.sub(lambda found: self.fills(found[1], found[2]), text)

    def id_of(self, name: str) -> str:
        """Give the Message-ID of a step's mail; what is no step's name is an id itself."""
        return self.written[name].message_id if name in self.written else self.fill(name)

    def write(self, name: str, what: Mapping[str, Any], now: datetime) -> Written:
        """Write a mail."""
        if "raw" in what:
            text = self.fill(what["raw"]).replace("{nested}", NESTED)
            return Written.of(text.replace("\n", "\r\n").encode("utf-8", "surrogateescape"))
        mail = self._report(what) if "bounces" in what else self._plain(name, what)
        answered = self.written.get(what.get("answers", ""))
        subject = self._subject(what, answered)
        for header, value in (
            ("From", self.party(what["from"])),
            ("To", ", ".join(self.parties(what.get("to", self._to(what, answered))))),
            ("Cc", ", ".join(self.parties(what.get("cc", ())))),
            ("Subject", subject),
            ("Date", what.get("date", format_datetime(now))),
        ):
            if value:
                mail[header] = value
        message_id = self._message_id(name, what)
        if message_id:
            mail["Message-ID"] = message_id
        references = self._thread(mail, what, answered)
        for header, value in what.get("headers", {}).items():
            mail[header] = self.fill(str(value))
        return Written(raw=mail.as_bytes(), message_id=message_id, subject=subject, references=references)

    def _to(self, what: Mapping[str, Any], answered: Written | None) -> str:
        keeps = answered is not None and "reply address" not in what.get("loses", ())
        return answered.reply_to or self.account if keeps and answered is not None else self.account

    def _subject(self, what: Mapping[str, Any], answered: Written | None) -> str:
        if "subject" in what:
            return self.fill(what["subject"])
        if answered is None:
            return "Undelivered Mail Returned to Sender" if "bounces" in what else ""
        base = answered.subject
        if "number" in what.get("loses", ()):
            base = re.sub(r"\[#[^\]]*\]\s*", "", base)
        return base if read_subject(base).prefix == "reply" else f"Re: {base}"

    def _message_id(self, name: str, what: Mapping[str, Any]) -> str:
        wanted = what.get("message id", "")
        if wanted == "none":
            return ""
        if wanted:
            return self.id_of(wanted)
        domain = getaddresses([self.party(what["from"])])[0][1].rpartition("@")[2] or "nowhere.example"
        return f"<{re.sub(r'[^a-z0-9]+', '-', name.lower())}.{self.fills('stamp', '')}@{domain}>"

    def _thread(self, mail: EmailMessage, what: Mapping[str, Any], answered: Written | None) -> tuple[str, ...]:
        loses = what.get("loses", ())
        nearest = [answered.message_id] if answered else []
        chain = [*answered.references, answered.message_id] if answered else []
        if "in reply to" in what:
            nearest = [self.id_of(what["in reply to"])]
        if "references" in what:
            chain = [self.id_of(item) for item in what["references"]]
        if nearest and "in-reply-to" not in loses:
            mail["In-Reply-To"] = " ".join(nearest)
        if chain and "references" not in loses:
            mail["References"] = " ".join(chain)
        return tuple(chain)

    def _plain(self, name: str, what: Mapping[str, Any]) -> EmailMessage:
        mail = EmailMessage(policy=SMTP.clone(max_line_length=900))
        mail.set_content(self.fill(what.get("body", f"text of {name}")))
        for file in what.get("files", ()):
            content = b"x" * int(file.get("size", 10))
            mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=file["name"])
        if "forwards" in what:
            inner = message_from_bytes(self.written[what["forwards"]].raw, policy=SMTP)
            mail.add_attachment(inner)
        return mail

    def _report(self, what: Mapping[str, Any]) -> EmailMessage:
        """Write what a mail server says of a mail of ours: by RFC 3464, or in the prose of old ones."""
        about, recipient = self.written[what["bounces"]], what.get("recipient", "nobody@nowhere.example")
        mail = EmailMessage(policy=SMTP.clone(max_line_length=900))
        head = about.raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace") + "\r\n\r\n"
        if what.get("prose"):
            text = f"Hi. This is the qmail-send program.\n\n<{recipient}>:\nno such user\n\n"
            mail.set_content(f"{text}--- Below this line is a copy of the message.\n\n{head}")
            return mail
        status = what.get("status", "5.1.1")
        action = "delayed" if status.startswith("4") else "failed"
        body = (
            f"--b\r\nContent-Type: text/plain\r\n\r\nIt was not delivered.\r\n--b\r\nContent-Type: "
            f"message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; {recipient}"
            f"\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n"
            f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{head}--b--\r\n"
        )
        content = f"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n{body}"
        return message_from_bytes(content.encode(), policy=SMTP.clone(max_line_length=900))
