"""The process that writes and sends notices is killed again and again: nobody is told nothing, nobody two things."""

import asyncio
import time
from collections import defaultdict
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from daemon_mail import send_over
from raw_sender import RECIPIENT
from running_daemon import running_daemon

from doubles.mail_relay import mail_relay

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

PEOPLE = 20
KILLS = 2


def written(person: int, number: int) -> bytes:
    made = EmailMessage()
    made["From"], made["To"] = f"p{person}@customer.example", RECIPIENT
    made["Subject"], made["Message-ID"] = f"Question {number}", f"<{person}.{number}@customer.example>"
    made.set_content("How are you?")
    return made.as_bytes(policy=SMTP)


def test_every_sender_is_told_once_however_often_the_process_dies() -> None:
    with mail_relay() as relay:
        settings = {
            "SWITCHBOARD_OUTBOUND__SMTP__HOST": "127.0.0.1",
            "SWITCHBOARD_OUTBOUND__SMTP__PORT": str(relay.port),
            "SWITCHBOARD_OUTBOUND__LEASE_SECONDS": "2",
            "SWITCHBOARD_ACCOUNTS__SUPPORT__ADDRESSES": RECIPIENT,
            "SWITCHBOARD_ACCOUNTS__SUPPORT__POLICY__SENDER_MATCH": "any",
            "SWITCHBOARD_ACCOUNTS__SUPPORT__NOTICES__RECEIPT": "true",
        }
        with running_daemon(settings) as daemon:
            relay.delay = 0.05
            for number in range(KILLS):
                mails = [written(person, number) for person in range(PEOPLE)]
                answers = asyncio.run(send_over(daemon.smtp_port, mails, sessions=4))
                assert {found.answer[:3] for found in answers} == {"250"}
                time.sleep(0.7 * (number + 1))
                daemon.kill_child("outbound")
            relay.delay = 0
            daemon.settle(PEOPLE * KILLS)

            def is_told() -> bool:
                return len({mail.rcpt_to for mail in relay.taken}) == PEOPLE and not daemon.json(
                    "notices", "list", "--state", "due"
                )

            daemon.wait_until(is_told, seconds=90, what="telling everybody", every=0.5)
            states = [row["state"] for row in daemon.json("notices", "list")]
            assert (states.count("sent"), states.count("suppressed")) == (PEOPLE, PEOPLE * (KILLS - 1))
            ids: defaultdict[str, set[str]] = defaultdict(set)
            for mail in relay.taken:
                ids[mail.rcpt_to[0]].add(str(mail.mail["Message-ID"]))
            assert {len(found) for found in ids.values()} == {1}, "the same bytes may come twice, another mail may not"
            assert daemon.json("ledger")["balanced"]
