"""The demo's second part: a dozen mails by real SMTP, what is sent in turn, and what became of each."""

import asyncio
import json
import smtplib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from console import tables
from daemon.asking import for_people
from daemon.cli_options import print_line, print_table
from daemon.clock import now
from daemon.demo.answers import REASONS, SENT, answered, reasons, sent_rows
from daemon.demo.mails import BRUNO, DESK, DemoMail, demo_mails
from daemon.demo.relay import taken, wait_for
from daemon.demo.stage import Stage
from daemon.look import ledger_of, ledger_rows
from daemon.opened import opened
from doubles.mail_relay import MailRelay
from ticket_store.ledger import Ledger, Outcomes
from ticket_store.listing import as_json as plain
from ticket_store.spool import list_spool
from ticket_store.tickets import list_tickets

ROUTE_SECONDS: Final = 120
ACCOUNT: Final = "support"
LATER_SECONDS: Final = (1, 2, 4, 8)
"""Waited after each "later"."""

PERMANENT: Final = 500
"""SMTP's codes from here on are refusals for good."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the store says in the end. `reasons` says of every message where it is and why."""

    tickets: Sequence[Row]
    spool: Sequence[Row]
    ledger: Ledger
    reasons: Sequence[Row] = ()


def set_desk(stage: Stage) -> None:
    """Set the mailbox, and the help desk that was used before."""
    stage.account(ACCOUNT, "mail", {"ADDRESSES": json.dumps([DESK]), "POLICY__SENDER_MATCH": "any"})
    stage.set(
        {
            "LEGACY__OLD__CUTOVER_AT": "2026-01-01T00:00:00Z",
            "LEGACY__OLD__SUBJECT_PATTERNS": json.dumps([r"\[Ticket#(?P<number>\d+)\]"]),
            "LEGACY__OLD__URL": "https://old.example/ticket/{number}",
        }
    )


def play_mails(stage: Stage, relay: MailRelay) -> list[str]:
    """Send the mails, let an agent answer one, show what became of all, and give what is not as promised."""
    mails = list(demo_mails())
    print_line(f"\nSending {len(mails)} mails by SMTP to 127.0.0.1:{stage.smtp_port}:\n")
    _send(stage, mails)
    before = asyncio.run(_outcome(stage, len(mails)))
    mails.append(answered(stage, relay, before.tickets))
    print_line("     an agent answers Ana, by the command `switchboard tickets reply`")
    _send(stage, mails[-1:], first=len(mails))
    wait_for(relay, BRUNO, notice=True)
    outcome = asyncio.run(_outcome(stage, len(mails)))
    _show(outcome, relay)
    return list(mistakes(mails, outcome))


def _send(stage: Stage, mails: Sequence[DemoMail], *, first: int = 1) -> None:
    with smtplib.SMTP("127.0.0.1", stage.smtp_port, timeout=60) as smtp:
        for number, mail in enumerate(mails, start=first):
            _deliver(smtp, mail)
            print_line(f" {number:>2}  {mail.caption}")


def _deliver(smtp: smtplib.SMTP, mail: DemoMail) -> None:
    """Send as mail servers do: whoever is told "later" (4xx, RFC 5321 4.2.1) comes again."""
    for wait in LATER_SECONDS:
        try:
            smtp.sendmail(mail.sender, [mail.to], mail.raw)
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            if error.smtp_code >= PERMANENT:
                raise
            time.sleep(wait)
        else:
            return
    smtp.sendmail(mail.sender, [mail.to], mail.raw)


async def _outcome(stage: Stage, sent: int) -> Outcome:
    """Wait until every mail is routed, and read what became of them."""
    async with opened(stage.settings) as store, asyncio.timeout(ROUTE_SECONDS):
        while True:
            found = await ledger_of(store)
            if _arrived(found) >= sent and not found.in_flight:
                break
            await asyncio.sleep(0.2)
        async with store.pool.connection() as connection:
            tickets = [plain(line) for line in await list_tickets(connection)]
            spool = [plain(line) for line in await list_spool(connection, now=now())]
        why = await reasons(store.pool, now(), account=ACCOUNT)
        return Outcome(tickets=tickets, spool=spool, ledger=found, reasons=why)


def _arrived(ledger: Ledger) -> int:
    outcomes, _ = ledger.accounts.get(ACCOUNT, (Outcomes(), 0))
    return outcomes.total


def _show(outcome: Outcome, relay: MailRelay) -> None:
    print_line("")
    tickets = [for_people(row) for row in outcome.tickets]
    print_table(tables.table(tables.TICKETS, tickets, title="Tickets (switchboard tickets list)"))
    print_table(tables.table(tables.SPOOL, outcome.spool, title="Held for a person (switchboard spool list)"))
    print_table(tables.table(REASONS, outcome.reasons, title="Why (switchboard tickets show, spool show)"))
    print_table(tables.table(SENT, list(sent_rows(taken(relay))), title="What Switchboard sent (the demo's own relay)"))
    print_table(tables.ledger(ledger_rows(outcome.ledger), title="Nothing lost (switchboard ledger)"))


def mistakes(mails: Sequence[DemoMail], outcome: Outcome) -> Iterator[str]:
    """Compare what became of the mails with what was promised."""
    expected = Counter(mail.becomes for mail in mails)
    ledger, (ours, _) = outcome.ledger, outcome.ledger.accounts.get(ACCOUNT, (Outcomes(), 0))
    tickets = [row for row in outcome.tickets if row["account"] == ACCOUNT]
    on_tickets = expected["ticket"] + expected["joined"] + expected["released"]
    wanted = {
        "accepted": (ours.total, len(mails)),
        "tickets": (len(tickets), expected["ticket"]),
        "on tickets": (ours.ticketed, on_tickets),
        "held": (ours.held, expected["held"]),
        "duplicates": (ours.duplicates, expected["duplicate"]),
        "balanced": (ledger.balanced, True),
    }
    for what, (is_, should) in wanted.items():
        if is_ != should:
            yield f"{what}: {is_} instead of {should}"
    held = Counter((row["sender"], row["reason"]) for row in outcome.spool)
    for sender, reason in Counter((mail.sender, mail.reason) for mail in mails if mail.becomes == "held") - held:
        yield f"the mail of {sender} is not held as {reason}"
    senders = Counter(row["requester"] for row in tickets)
    for sender in Counter(mail.sender for mail in mails if mail.becomes == "ticket") - senders:
        yield f"a ticket of {sender} is missing"
