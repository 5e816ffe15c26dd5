"""The whole road on both engines: mail by SMTP, ticket by the command line, event on the topic."""

import asyncio
import json
import smtplib
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from kafka_server import KafkaServer
from running_daemon import RunningDaemon, running_daemon

from bus.port import Log, Record, StoredPosition
from daemon.settings_load import load
from daemon.wiring import database_url, make_log
from schemas.events import EventType, TicketEvent

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

TICKETS = "switchboard.tickets"


def mail(name: str, *, answers: str = "", sender: str = "Ana Costa <ana@customer.example>") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Message-ID"] = sender, "support@example.org", f"<{name}@customer.example>"
    made["Subject"] = "Re: Счёт за ноябрь" if answers else "Счёт за ноябрь"
    if answers:
        made["In-Reply-To"] = f"<{answers}@customer.example>"
    made.set_content("Olá, João")
    return made


def send(daemon: RunningDaemon, *mails: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", daemon.smtp_port, timeout=30) as smtp:
        for one in mails:
            smtp.send_message(one)


async def from_the_start(_topic: str, _partitions: frozenset[int]) -> Mapping[int, StoredPosition]:
    return {}


async def events(daemon: RunningDaemon, count: int) -> list[TicketEvent]:
    """Read the tickets topic as another system would."""
    settings = load(None, daemon.environment, Path(daemon.folder)).settings
    log: Log = make_log(settings, database_url(settings))
    try:
        consumer = await log.consumer(TICKETS, group="reader", load_positions=from_the_start)
        found: list[Record] = []
        async with asyncio.timeout(60):
            while len(found) < count:
                found += await consumer.fetch(max_records=100, max_wait=1)
    finally:
        await log.close()
    return [TicketEvent.model_validate_json(record.value) for record in found]


def went_the_road(daemon: RunningDaemon) -> None:
    stranger = mail("third", answers="first", sender="Eve <eve@elsewhere.example>")
    send(daemon, mail("first"), mail("second", answers="first"), mail("first"), stranger)
    ledger = daemon.settle(4)
    assert {key: ledger[key] for key in ("accepted", "ticketed", "held", "duplicates", "balanced")} == {
        "accepted": 4,
        "ticketed": 2,
        "held": 1,
        "duplicates": 1,
        "balanced": True,
    }
    (ticket,) = daemon.json("tickets", "list")
    assert ticket["subject"] == "Счёт за ноябрь"
    assert (ticket["requester"], ticket["message_count"]) == ("ana@customer.example", 2)
    (held,) = daemon.json("spool", "list")
    assert (held["sender"], held["reason"]) == ("eve@elsewhere.example", "stranger")
    told(daemon, ticket["number"])


def told(daemon: RunningDaemon, number: str) -> None:
    daemon.cli("tickets", "close", number)
    seen: Sequence[TicketEvent] = sorted(asyncio.run(events(daemon, 3)), key=lambda event: event.data.sequence)
    assert [(event.type, event.data.sequence) for event in seen] == [
        (EventType.CREATED, 1),
        (EventType.MESSAGE_ADDED, 2),
        (EventType.STATUS_CHANGED, 3),
    ]
    assert {event.subject for event in seen} == {number}
    assert len({event.id for event in seen}) == 3


def test_mail_becomes_a_ticket_and_events_on_the_postgres_log() -> None:
    with running_daemon(first_start=True) as daemon:
        went_the_road(daemon)


def test_mail_becomes_a_ticket_and_events_on_kafka(kafka: KafkaServer) -> None:
    settings: dict[str, Any] = {
        "SWITCHBOARD_BUS__ENGINE": "kafka",
        "SWITCHBOARD_BUS__KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "SWITCHBOARD_BUS__KAFKA__REPLICATION_FACTOR": "1",
        "SWITCHBOARD_BUS__KAFKA__MIN_INSYNC_REPLICAS": "1",
        "SWITCHBOARD_BUS__PARTITIONS": "2",
        "SWITCHBOARD_BLOBS__SHARED": "true",
    }
    with running_daemon(settings) as daemon:
        went_the_road(daemon)
        assert json.loads(daemon.get("/readyz"))["ready"] is True
