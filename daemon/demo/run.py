"""`demo`: a daemon of its own, a dozen mails by real SMTP, what it sends in turn, and what became of each."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from console import tables
from daemon import logs
from daemon.asking import for_people
from daemon.cli_options import print_line, print_table
from daemon.clock import now
from daemon.demo.answers import REASONS, SENT, answered, reasons, sent_rows
from daemon.demo.mails import BRUNO, DemoMail, demo_mails
from daemon.demo.relay import DemoRelay, demo_relay
from daemon.errors import NO, UserError
from daemon.look import ledger_of, ledger_rows
from daemon.opened import opened
from daemon.settings import Settings
from daemon.settings_load import load
from ticket_store.ledger import Ledger
from ticket_store.listing import as_json as plain
from ticket_store.spool import list_spool
from ticket_store.tickets import list_tickets

START_SECONDS: Final = 120
ROUTE_SECONDS: Final = 60
STOP_SECONDS: Final = 15

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the store says in the end. `reasons` says of every message where it is and why."""

    tickets: Sequence[Row]
    spool: Sequence[Row]
    ledger: Ledger
    reasons: Sequence[Row] = ()


def run_demo(*, keep: bool) -> int:
    """Show everything; 0 when all became what it should."""
    logs.configure(level="error", format_="auto", process="demo")
    folder = Path(tempfile.mkdtemp(prefix="switchboard-demo-"))
    environment = _environment(folder)
    settings = load(None, environment, folder).settings
    mails = list(demo_mails())
    relay_port = settings.outbound.smtp.port
    with demo_relay(relay_port) as relay, _daemon(folder, environment, settings, keep=keep):
        print_line(f"\nSending {len(mails)} mails by SMTP to 127.0.0.1:{settings.smtp.port}:\n")
        _send(settings, mails)
        before = asyncio.run(_outcome(settings, len(mails)))
        mails.append(answered(folder, environment, relay, before.tickets))
        print_line("     an agent answers Ana, by the command `switchboard tickets reply`")
        _send(settings, mails[-1:], first=len(mails))
        relay.wait_for(BRUNO, notice=True)
        outcome = asyncio.run(_outcome(settings, len(mails)))
        _show(outcome, relay)
        wrong = list(mistakes(mails, outcome))
        for line in wrong:
            print_line(f"NOT AS PROMISED: {line}")
        print_line("Everything became what it should." if not wrong else "")
        if keep:
            print_line("\nThe demo's relay ends with it: what the daemon sends from now on waits.")
            _say_how_to_look(folder, environment)
    return NO if wrong else 0


def _environment(folder: Path) -> dict[str, str]:
    """Give an environment of our own settings alone."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    smtp, http, relay = free_ports(3)
    ours = {
        "DATA_DIR": str(folder),
        "SMTP__PORT": str(smtp),
        "SMTP__HOSTNAME": "switchboard.example",
        "HTTP__PORT": str(http),
        "API__PORT": "0",
        "LOG__FORMAT": "json",
        "OUTBOUND__SMTP__HOST": "127.0.0.1",
        "OUTBOUND__SMTP__PORT": str(relay),
        "LEGACY__OLD__CUTOVER_AT": "2026-01-01T00:00:00Z",
        "LEGACY__OLD__SUBJECT_PATTERNS": json.dumps([r"\[Ticket#(?P<number>\d+)\]"]),
        "LEGACY__OLD__URL": "https://old.example/ticket/{number}",
    }
    return {**clean, **{f"SWITCHBOARD_{name}": value for name, value in ours.items()}}


def free_ports(count: int) -> list[int]:
    """Give ports that nobody listens on just now."""
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(sock.getsockname()[1]) for sock in socks]
    for sock in socks:
        sock.close()
    return ports


@contextmanager
def _daemon(folder: Path, environment: dict[str, str], settings: Settings, *, keep: bool) -> Iterator[None]:
    """Run a daemon; stop it and remove its folder, unless it shall be kept."""
    log = folder / "daemon.log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "daemon", "run"]
        daemon = subprocess.Popen(command, cwd=folder, env=environment, stderr=file, start_new_session=True)  # noqa: S603 - our own program
    try:
        _wait_until_ready(daemon, settings, log)
        yield
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            _stop(daemon)
            shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(daemon: "subprocess.Popen[bytes]", settings: Settings, log: Path) -> None:
    print_line("Starting a daemon of its own (PostgreSQL included) ...")
    url = f"http://127.0.0.1:{settings.http.port}/readyz"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                json.load(answer)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    last = log.read_text(errors="replace").splitlines()[-5:]
    raise UserError("the demo's daemon did not get ready; its last words:\n" + "\n".join(last))


def _stop(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _send(settings: Settings, mails: Sequence[DemoMail], *, first: int = 1) -> None:
    with smtplib.SMTP("127.0.0.1", settings.smtp.port, timeout=60) as smtp:
        for number, mail in enumerate(mails, start=first):
            smtp.sendmail(mail.sender, [mail.to], mail.raw)
            print_line(f" {number:>2}  {mail.caption}")


async def _outcome(settings: Settings, sent: int) -> Outcome:
    """Wait until every mail is routed, and read what became of them."""
    async with opened(settings) as store, asyncio.timeout(ROUTE_SECONDS):
        while True:
            found = await ledger_of(store)
            if found.accepted >= sent and not found.in_flight:
                break
            await asyncio.sleep(0.2)
        async with store.pool.connection() as connection:
            tickets = [plain(line) for line in await list_tickets(connection)]
            spool = [plain(line) for line in await list_spool(connection, now=now())]
        why = await reasons(store.pool, now())
        return Outcome(tickets=tickets, spool=spool, ledger=found, reasons=why)


def _show(outcome: Outcome, relay: DemoRelay) -> None:
    print_line("")
    tickets = [for_people(row) for row in outcome.tickets]
    print_table(tables.table(tables.TICKETS, tickets, title="Tickets (switchboard tickets list)"))
    print_table(tables.table(tables.SPOOL, outcome.spool, title="Held for a person (switchboard spool list)"))
    print_table(tables.table(REASONS, outcome.reasons, title="Why (switchboard tickets show, spool show)"))
    print_table(tables.table(SENT, list(sent_rows(relay.taken)), title="What Switchboard sent (the demo's own relay)"))
    print_table(tables.ledger(ledger_rows(outcome.ledger), title="Nothing lost (switchboard ledger)"))


def mistakes(mails: Sequence[DemoMail], outcome: Outcome) -> Iterator[str]:
    """Compare what became of the mails with what was promised."""
    expected = Counter(mail.becomes for mail in mails)
    ledger = outcome.ledger
    on_tickets = expected["ticket"] + expected["joined"] + expected["released"]
    wanted = {
        "accepted": (ledger.accepted, len(mails)),
        "tickets": (len(outcome.tickets), expected["ticket"]),
        "on tickets": (ledger.outcomes.ticketed, on_tickets),
        "held": (ledger.outcomes.held, expected["held"]),
        "duplicates": (ledger.outcomes.duplicates, expected["duplicate"]),
        "balanced": (ledger.balanced, True),
    }
    for what, (is_, should) in wanted.items():
        if is_ != should:
            yield f"{what}: {is_} instead of {should}"
    held = Counter((row["sender"], row["reason"]) for row in outcome.spool)
    for sender, reason in Counter((mail.sender, mail.reason) for mail in mails if mail.becomes == "held") - held:
        yield f"the mail of {sender} is not held as {reason}"
    senders = Counter(row["requester"] for row in outcome.tickets)
    for sender in Counter(mail.sender for mail in mails if mail.becomes == "ticket") - senders:
        yield f"a ticket of {sender} is missing"


def _say_how_to_look(folder: Path, environment: dict[str, str]) -> None:
    ours = " ".join(f"{name}={value}" for name, value in environment.items() if name.startswith("SWITCHBOARD_"))
    print_line(f"\nThe daemon goes on in {folder}. To look around:\n")
    print_line(f"  cd {folder}; export {ours}")
    program = shlex.quote(str(Path(sys.executable).with_name("switchboard")))
    for command in ("tickets list", "spool list", "ledger", "status"):
        print_line(f"  {program} {command}")
    print_line("\nTo stop it and throw everything away, when you are done:\n")
    print_line(f"  kill $(cat {folder}/daemon.lock); cd /; sleep 5; rm -r {folder}")
