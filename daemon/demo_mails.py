"""The demo's mails: each shows one thing that a support mailbox meets."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final, Literal

LARGE_FILE: Final = 25 * 1024 * 1024
NESTED: Final = 50_000

Becomes = Literal["ticket", "joined", "held", "duplicate", "released"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMail:
    """A mail, what it shows, and what must become of it. `reason` is why it is held."""

    caption: str
    sender: str
    raw: bytes
    becomes: Becomes
    reason: str = ""


def demo_mails() -> Iterator[DemoMail]:
    """Give the mails in the order in which they are sent."""
    ana, bruno, olga, kenji = "ana@cliente.example", "bruno@loja.example", "olga@primer.example", "kenji@rei.example"
    first = _mail(ana, "The invoice shows the wrong address", "invoice-1", "Please correct invoice 2026-0117.")
    yield _show("A new request opens a ticket", ana, first, "ticket")
    reply = _mail(ana, "Re: The invoice shows the wrong address", "invoice-2", "Any news?", answers="invoice-1")
    yield _show("Her reply joins it", ana, reply, "joined")
    yield _show("The first mail once more (a retry): a duplicate, no second message", ana, first, "duplicate")
    early = _mail(bruno, "Re: Pedido 4711", "order-2", "Falta ainda uma peça.", answers="order-1")
    yield _show("A reply that overtook its original is held ...", bruno, early, "released")
    late = _mail(bruno, "Pedido 4711", "order-1", "O pedido 4711 não chegou à loja de São João.")
    yield _show(
        "... until the original opens its ticket, and the reply follows by itself (Portuguese)", bruno, late, "ticket"
    )
    russian = _mail(olga, "Не приходит счёт за ноябрь", "schet-1", "Здравствуйте! Счёт за ноябрь так и не пришёл.")
    yield _show("Russian", olga, russian, "ticket")
    japanese = _mail(kenji, "ログインできません", "login-1", "パスワードを変更した後、ログインできません。")
    yield _show("Japanese", kenji, japanese, "ticket")
    stranger = _mail("eve@elsewhere.example", "Re: invoice", "eve-1", "Send me the invoice too.", answers="invoice-1")
    yield _show(
        "A stranger answers Ana's mail: held, not on her ticket", "eve@elsewhere.example", stranger, "held", "stranger"
    )
    large = _mail(bruno, "Fotos do defeito", "photos-1", "Seguem as fotos.", file=LARGE_FILE)
    yield _show("A file of 25 MB: the file is refused and marked, the text becomes a ticket", bruno, large, "ticket")
    bomb = _bomb("mallory@bad.example")
    yield _show(
        f"A MIME bomb, {NESTED:,} parts deep: no parser sees it; held",
        "mallory@bad.example",
        bomb,
        "held",
        "undecodable",
    )
    away = _mail(kenji, "Out of office", "away-1", "I am away until Monday.", automatic=True)
    yield _show("An automatic answer that belongs to no ticket: held", kenji, away, "held", "auto_reply")
    lost = _mail(olga, "Re: Договор", "lost-2", "См. ниже.", answers="written-to-the-old-desk")
    yield _show("A reply to a mail that nobody knows: held", olga, lost, "held", "unmatched_reply")


def _show(caption: str, sender: str, raw: bytes, becomes: Becomes, reason: str = "") -> DemoMail:
    return DemoMail(caption=caption, sender=sender, raw=raw, becomes=becomes, reason=reason)


def _mail(
    sender: str, subject: str, message_id: str, text: str, *, answers: str = "", file: int = 0, automatic: bool = False
) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, "support@switchboard.example", subject
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


def _bomb(sender: str) -> bytes:
    """Nest multiparts: 32,000 levels kill some native parsers with SIGSEGV."""
    head = f"From: {sender}\r\nTo: support@switchboard.example\r\nSubject: hello\r\nMIME-Version: 1.0\r\n"
    levels = (f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(NESTED))
    return (head + "".join(levels)).encode() + base64.b64encode(b"end") + b"\r\n"
