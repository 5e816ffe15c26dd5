"""The demo's second half: an agent answers by command, the customer by mail, and why each message is where it is."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Final

from console.safe_text import told
from console.tables import Column
from daemon.demo.mails import ANA, DemoMail, answer_to
from daemon.demo.relay import is_notice, wait_for
from daemon.demo.stage import Stage
from daemon.errors import UserError
from doubles.mail_relay import MailRelay
from schemas.numbers import shown
from ticket_store.pool import Pool
from ticket_store.spool import list_spool, show_held
from ticket_store.tickets import list_tickets, show_ticket

TEXT: Final = "We have corrected the address. Here is the new invoice."

SENT: Final = (
    Column(key="to", style="bold"),
    Column(key="what", style="yellow"),
    Column(key="subject", ratio=2),
    Column(key="text", ratio=3),
)
REASONS: Final = (
    Column(key="where", style="bold"),
    Column(key="from", ratio=2),
    Column(key="rule", style="yellow"),
    Column(key="why", ratio=5),
)

Row = dict[str, Any]


def answered(stage: Stage, relay: MailRelay, tickets: Sequence[Row]) -> DemoMail:
    """Let an agent answer Ana's ticket; give her answer to what the relay got. Raises `UserError`."""
    number = next((row["number"] for row in tickets if row["requester"] == ANA), None)
    if number is None:
        raise UserError("there is no ticket of Ana to answer")
    stage.command("tickets", "reply", number, "--text", TEXT, "--by", "Rita")
    return answer_to(wait_for(relay, ANA, notice=False))


def sent_rows(mails: Sequence[EmailMessage]) -> Iterator[Row]:
    """Give what the relay got, for people."""
    for mail in mails:
        body = mail.get_body(("plain",))
        text = " ".join(body.get_content().split()) if body is not None else ""
        what = "notice" if is_notice(mail) else "reply"
        yield {"to": str(mail["To"]), "what": what, "subject": str(mail["Subject"]), "text": text}


async def reasons(pool: Pool, now: datetime, *, account: str) -> list[Row]:
    """Give an account's messages, where each is, and why: what `tickets show` and `spool show` say of it."""
    async with pool.connection() as connection:
        tickets = [ticket for ticket in await list_tickets(connection) if ticket.account == account]
        details = [await show_ticket(connection, ticket.number) for ticket in reversed(tickets)]
        held = [await show_held(connection, line.id, now=now) for line in await list_spool(connection, now=now)]
    placed = [
        _reason(shown(detail.ticket.number), message.sender, message.decision)
        for detail in details
        for message in detail.messages
    ]
    return placed + [_reason(f"held {one.message.id}", one.message.sender, one.decision) for one in held]


def _reason(where: str, sender: str, decision: Mapping[str, Any]) -> Row:
    return {"where": where, "from": sender, "rule": decision["rule"], "why": told(decision["explanation"])}
