"""`replay --renormalize` on a running daemon: stored mail is read again, and nothing else moves."""

from collections.abc import Iterator
from email.message import EmailMessage

import psycopg
import pytest
from running_daemon import RunningDaemon, running_daemon

from ticket_store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def mail(name: str, text: str, *, answers: str = "") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "ana@customer.example", "support@example.org", "Help"
    made["Message-ID"] = f"<{name}@customer.example>"
    if answers:
        made["In-Reply-To"] = f"<{answers}@customer.example>"
    made.set_content(text)
    return made


@pytest.fixture
def daemon() -> Iterator[RunningDaemon]:
    """A daemon with three mails of one ticket."""
    with running_daemon() as started:
        for name, text, answers in (("a", "first", ""), ("b", "second", "a"), ("c", "third", "")):
            (started.folder / f"{name}.eml").write_bytes(bytes(mail(name, text, answers=answers)))
            started.json("import", str(started.folder / f"{name}.eml"))
        started.settle(3)
        yield started


def spoil(daemon: RunningDaemon) -> None:
    """Make the store look as an older version would have left it."""
    url = EmbeddedPostgres(folder=daemon.folder / "var" / "postgres").url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update messages set normalizer_version = 1")
        connection.execute("update messages set body_text = 'garbled' where body_text like 'second%'")


def test_texts_are_mended_in_place_and_tickets_stay(daemon: RunningDaemon) -> None:
    before = daemon.json("tickets", "list")
    spoil(daemon)
    assert daemon.json("replay", "--renormalize", "--dry-run")["found"] == 3
    done = daemon.json("replay", "--renormalize")
    assert done == {"published": 3, "raw_gone": 0, "unreadable": 0, "failed": 0, "found": 3}
    ledger = daemon.settle(6)
    assert (ledger["ticketed"], ledger["duplicates"], ledger["balanced"]) == (3, 3, True)
    assert daemon.json("tickets", "list") == before
    (number,) = [ticket["number"] for ticket in before]
    texts = [message["text"].strip() for message in daemon.json("tickets", "show", number)["messages"]]
    assert texts == ["first", "second", "third"]
    assert daemon.json("replay", "--renormalize")["found"] == 0


def test_it_says_what_it_needs(daemon: RunningDaemon) -> None:
    done = daemon.cli("replay", check=False)
    assert (done.returncode, "--renormalize" in done.stderr) == (2, True)
    done = daemon.cli("replay", "--renormalize", "--since", "yesterday", check=False)
    assert (done.returncode, "a time is written" in done.stderr) == (2, True)


def test_dead_letters_are_taken_all_or_not_at_all_and_one_that_cannot_be_read_stays(daemon: RunningDaemon) -> None:
    url = EmbeddedPostgres(folder=daemon.folder / "var" / "postgres").url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            'insert into dead_letters (topic, partition, "offset", key, value, reason)'
            " values ('elsewhere', 0, 0, '', 'no message', 'x')"
        )
    for filters in (["--account", "support"], ["--held"], ["--since", "2026-01-01"]):
        done = daemon.cli("replay", "--renormalize", "--dead", *filters, check=False)
        assert (done.returncode, "goes with no filter" in done.stderr) == (2, True)
    assert daemon.json("replay", "--renormalize", "--dead", "--dry-run")["found"] == 1
    done = daemon.cli("replay", "--renormalize", "--dead", "--json", check=False)
    assert (done.returncode, '"unreadable": 1' in done.stdout) == (1, True)
    assert len(daemon.json("dead-letters", "list")) == 1


def test_the_mail_of_a_dead_letter_is_on_its_way_again_and_the_letter_is_dropped(daemon: RunningDaemon) -> None:
    url = EmbeddedPostgres(folder=daemon.folder / "var" / "postgres").url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            'insert into dead_letters (topic, partition, "offset", key, value, reason)'
            " select 'elsewhere', 0, 0, key, value, 'x' from log_records"
            " where topic_id = (select id from log_topics where name = 'switchboard.inbound') limit 1"
        )
    done = daemon.json("replay", "--renormalize", "--dead")
    assert done == {"published": 1, "raw_gone": 0, "unreadable": 0, "failed": 0, "found": 1}
    assert daemon.json("dead-letters", "list") == []
    ledger = daemon.settle(4)
    assert (ledger["ticketed"], ledger["duplicates"], ledger["balanced"]) == (3, 1, True)
    assert daemon.json("replay", "--renormalize", "--dead")["found"] == 0
