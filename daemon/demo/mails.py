"""The demo's mails: each shows one thing that a support mailbox meets."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final, Literal

LARGE_FILE: Final = 25 * 1024 * 1024
NESTED: Final = 50_000

OLD_NUMBER: Final = "20260042"
"""A ticket of the help desk that the demo's people used before."""

DESK: Final = "support@switchboard.example"
ANA: Final = "ana@cliente.example"
BRUNO: Final = "bruno@loja.example"
OLGA: Final = "olga@primer.example"
KENJI: Final = "kenji@rei.example"
EVE: Final = "eve@elsewhere.example"
MALLORY: Final = "mallory@bad.example"

Becomes = Literal["ticket", "joined", "held", "duplicate", "released"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMail:
    """A mail, what it shows, and what must become of it. `reason` is why it is held, `to` where it is sent."""

    caption: str
    sender: str
    raw: bytes
    becomes: Becomes
    reason: str = ""
    to: str = DESK


def demo_mails() -> Iterator[DemoMail]:
    """Give the mails in the order in which they are sent."""
    yield from _conversations()
    yield from _languages()
    yield from _trouble()


def _conversations() -> Iterator[DemoMail]:
    first = _mail(ANA, "The invoice shows the wrong address", "invoice-1", "Please correct invoice 2026-0117.")
    yield _show("a new request opens a ticket", ANA, first, "ticket")
    reply = _mail(ANA, "Re: The invoice shows the wrong address", "invoice-2", "Any news?", answers="invoice-1")
    yield _show("her reply joins it", ANA, reply, "joined")
    yield _show("her first mail once more, as after a lost answer: a duplicate", ANA, first, "duplicate")
    early = _mail(BRUNO, "Re: Pedido 4711", "order-2", "Falta ainda uma peça.", answers="order-1")
    yield _show("a reply that came before its original waits for it ...", BRUNO, early, "released")
    late = _mail(BRUNO, "Pedido 4711", "order-1", "O pedido 4711 não chegou à loja de São João.")
    yield _show("... the original opens the ticket, the reply follows by itself (Portuguese)", BRUNO, late, "ticket")


def _languages() -> Iterator[DemoMail]:
    russian = _mail(OLGA, "Пришёл неверный счёт", "schet-1", "Здравствуйте! Пришёл неверный счёт за ноябрь.")
    yield _show("Russian", OLGA, russian, "ticket")
    japanese = _mail(KENJI, "ログインできません", "login-1", "パスワードを変更した後、ログインできません。")
    yield _show("Japanese", KENJI, japanese, "ticket")


def _trouble() -> Iterator[DemoMail]:
    large = _mail(BRUNO, "Fotos do defeito", "photos-1", "Seguem as fotos.", file=LARGE_FILE)
    yield _show("a file of 25 MB: the file is refused and marked, the text is a ticket", BRUNO, large, "ticket")
    stranger = _mail(EVE, "Re: invoice", "eve-1", "Send me the invoice too.", answers="invoice-1")
    yield _show("a stranger answers Ana's mail: held, never on her ticket", EVE, stranger, "held", "stranger")
    bomb = _show(
        f"a MIME bomb, {NESTED:,} levels deep: held, no parser saw it", MALLORY, _bomb(), "held", "undecodable"
    )
    yield bomb
    away = _mail(KENJI, "Out of office", "away-1", "I am away until Monday.", automatic=True)
    yield _show("an automatic answer that belongs to no ticket: held", KENJI, away, "held", "auto_reply")
    lost = _mail(OLGA, "Re: Договор", "lost-2", "Жду ответа.", answers="written-to-the-old-desk")
    yield _show("a reply to a mail that nobody here knows: held", OLGA, lost, "held", "unmatched_reply")
    old = _mail(BRUNO, f"Re: [Ticket#{OLD_NUMBER}] Garantia", "garantia-2", "Continuo a aguardar.")
    yield _show(
        "an answer to a ticket of the help desk used before: held with its old number", BRUNO, old, "held", "legacy"
    )


def answer_to(reply: EmailMessage) -> DemoMail:
    """Give Ana's answer to what an agent wrote, as her mail program makes it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ANA, str(reply["Reply-To"]), str(reply["Subject"])
    mail["Message-ID"] = "<invoice-3@demo.example>"
    mail["In-Reply-To"] = mail["References"] = str(reply["Message-ID"])
    mail.set_content("Thank you, that is right now.")
    raw = mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    caption = "Ana answers the agent: her answer joins the ticket"
    return DemoMail(caption=caption, sender=ANA, raw=raw, becomes="joined", to=str(reply["Reply-To"]))


def _show(caption: str, sender: str, raw: bytes, becomes: Becomes, reason: str = "") -> DemoMail:
    return DemoMail(caption=caption, sender=sender, raw=raw, becomes=becomes, reason=reason)


def _mail(
    sender: str, subject: str, message_id: str, text: str, *, answers: str = "", file: int = 0, automatic: bool = False
) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, DESK, subject
    mail["Date"] = "Sun, 22 Nov 2026 09:00:00 +0000"
    mail["Message-ID"] = f"<{message_id}@demo.example>"
    if answers:
        mail["In-Reply-To"] = mail["References"] = f"<{answers}@demo.example>"
    if automatic:
        mail["Auto-Submitted"] = "auto-replied"
    mail.set_content(text)
    if file:
        mail.add_attachment(bytes(file), maintype="image", subtype="tiff", filename="fotos.tiff")
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _bomb() -> bytes:
    """Nest multiparts: 32,000 levels kill some native parsers with SIGSEGV."""
    head = f"From: {MALLORY}\r\nTo: support@switchboard.example\r\nSubject: hello\r\nMIME-Version: 1.0\r\n"
    levels = (f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(NESTED))
    return (head + "".join(levels)).encode() + base64.b64encode(b"end") + b"\r\n"
