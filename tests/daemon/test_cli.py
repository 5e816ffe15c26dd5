"""The command line on a real store: shapes of `--json`, exit codes, and that nobody sees a traceback."""

import json
import mailbox
import os
import re
import resource
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from running_daemon import COMMAND, RunningDaemon, running_daemon

from schemas.numbers import shown

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def mail(name: str, *, sender: str = "ana@customer.example", subject: str = "Help", answers: str = "") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "support@example.org", subject
    made["Message-ID"] = f"<{name}@customer.example>"
    if answers:
        made["In-Reply-To"] = f"<{answers}@customer.example>"
    made.set_content("How are you?")
    return made


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    """A daemon that already holds a few mails, imported from files."""
    with running_daemon() as started:
        folder = started.folder / "old"
        (folder / "deep").mkdir(parents=True)
        (folder / "a.eml").write_bytes(bytes(mail("a")))
        (folder / "deep" / "b.eml").write_bytes(bytes(mail("b", subject="Re: Help", answers="a")))
        box = mailbox.mbox(folder / "box.mbox")
        for number in range(3):
            box.add(mail(f"lost-{number}", sender=f"c{number}@x.example", subject="Re: gone", answers="nobody-knows"))
        box.close()
        expected = {"accepted": 5, "skipped": 0, "no_mail": 0, "too_large": 0, "unreadable": 0, "failed": 0}
        assert started.json("import", str(folder)) == expected
        started.settle(5)
        yield started


def fails(daemon: RunningDaemon, *arguments: str, code: int) -> str:
    done = daemon.cli(*arguments, check=False)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_importing_again_changes_nothing(daemon: RunningDaemon) -> None:
    before = daemon.json("tickets", "list")
    daemon.json("import", str(daemon.folder / "old"))
    ledger = daemon.settle(10)
    assert (ledger["ticketed"] + ledger["held"], ledger["duplicates"], ledger["balanced"]) == (5, 5, True)
    assert daemon.json("tickets", "list") == before


def test_an_address_of_ours_takes_no_part_in_an_imported_ticket(daemon: RunningDaemon) -> None:
    (ticket,) = [line for line in daemon.json("tickets", "list") if line["requester"] == "ana@customer.example"]
    shown = daemon.json("tickets", "show", ticket["number"])
    assert [one["address"] for one in shown["participants"]] == ["ana@customer.example"]


def test_tickets_are_listed_with_the_promised_keys(daemon: RunningDaemon) -> None:
    (ticket,) = [line for line in daemon.json("tickets", "list") if line["requester"] == "ana@customer.example"]
    expected = {"number", "subject", "status", "channel", "account", "requester", "message_count"}
    assert expected <= ticket.keys()
    assert (ticket["status"], ticket["channel"], ticket["account"], ticket["message_count"]) == (
        "open",
        "mail",
        "support",
        2,
    )
    assert len(ticket["number"]) == 10


def test_a_ticket_is_shown_with_the_reason_for_every_message(daemon: RunningDaemon) -> None:
    (number,) = [t["number"] for t in daemon.json("tickets", "list", "--requester", "ana@customer.example")]
    shown = daemon.json("tickets", "show", number)
    first, second = (message["decision"]["rule"] for message in shown["messages"])
    assert first == "new"
    assert second in ("ids", "original_arrived"), "an import stores several files at once, in any order"
    text = daemon.cli("tickets", "show", number).stdout
    assert "| How are you?" in text
    assert f"placed by rule {second}" in text


def test_people_see_numbers_in_groups_and_whole_seconds(daemon: RunningDaemon) -> None:
    (number,) = [t["number"] for t in daemon.json("tickets", "list", "--requester", "ana@customer.example")]
    listed = daemon.cli("tickets", "list").stdout
    text = daemon.cli("tickets", "show", shown(number)).stdout
    assert shown(number) in listed
    assert number not in listed
    assert text.startswith(f"Ticket {shown(number)}: ")
    assert re.search(r"created: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$", text, flags=re.MULTILINE)


def test_an_account_that_left_the_settings_is_still_known(daemon: RunningDaemon) -> None:
    moved = {"SWITCHBOARD_ACCOUNTS__SALES__ADDRESSES": '["sales@*"]'}
    later = RunningDaemon(folder=daemon.folder, settings=moved)
    assert later.json("tickets", "list", "--account", "support")
    assert later.json("tickets", "list", "--account", "sales") == []
    assert "there are: sales, support" in fails(later, "tickets", "list", "--account", "nope", code=2)


def test_an_import_says_what_it_did_not_take(daemon: RunningDaemon) -> None:
    folder = daemon.folder / "odd"
    folder.mkdir()
    (folder / "empty.eml").touch()
    (folder / "notes.txt").write_text("not mail")
    (folder / "LICENSE").write_text("Everybody may use this.\n\nFrom: nobody\n")
    (folder / "gone.eml").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    assert "there is nothing to import" in fails(daemon, "import", str(folder), code=4)
    (folder / "outlook.msg").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    with (folder / "huge.eml").open("wb") as huge:
        huge.truncate(1024**4)
    done = daemon.cli("import", "--json", str(folder), check=False)
    assert done.returncode == 1
    expected = {"accepted": 0, "skipped": 4, "no_mail": 1, "too_large": 1, "unreadable": 1, "failed": 0}
    assert json.loads(done.stdout) == expected
    assert "save it as .eml" in done.stderr
    assert "LICENSE: no mail" in done.stderr


def test_a_ticket_is_closed_and_opened_again(daemon: RunningDaemon) -> None:
    (number,) = [t["number"] for t in daemon.json("tickets", "list", "--requester", "ana@customer.example")]
    daemon.cli("tickets", "close", number)
    assert [t["number"] for t in daemon.json("tickets", "list", "--status", "closed")] == [number]
    assert "already closed" in fails(daemon, "tickets", "close", number, code=1)
    daemon.cli("tickets", "reopen", number)
    assert daemon.json("tickets", "list", "--status", "closed") == []


def test_the_ledger_is_one_object_with_every_outcome(daemon: RunningDaemon) -> None:
    outcomes = ("ticketed", "held", "dead_lettered", "duplicates", "noted", "discarded", "erased", "in_flight")
    ledger = daemon.json("ledger")
    assert ledger["balanced"] is True
    assert ledger["accepted"] == sum(ledger[name] for name in outcomes)
    assert ledger["refused"] >= 0


def test_there_are_no_dead_letters_and_it_says_so(daemon: RunningDaemon) -> None:
    assert daemon.json("dead-letters", "list") == []
    assert daemon.cli("dead-letters", "list").stdout == "no dead letters\n"
    assert "no open dead letter 7" in fails(daemon, "dead-letters", "retry", "7", code=4)
    assert "dead letter 7" in fails(daemon, "dead-letters", "show", "7", code=4)


def test_a_table_that_is_cut_says_so(daemon: RunningDaemon) -> None:
    for number in range(2):
        (daemon.folder / f"cut-{number}.eml").write_bytes(bytes(mail(f"cut-{number}", sender=f"cut{number}@x.example")))
    accepted = daemon.json("ledger")["accepted"]
    daemon.json("import", "cut-0.eml", "cut-1.eml")
    daemon.settle(accepted + 2)
    every = daemon.json("tickets", "list")
    assert daemon.json("tickets", "list", "--limit", "1") == every[:1]
    assert "more than these 1" in daemon.cli("tickets", "list", "--limit", "1").stderr
    assert daemon.cli("tickets", "list").stderr == ""


def test_status_tells_readiness_and_what_waits(daemon: RunningDaemon) -> None:
    status = daemon.json("status")
    assert (status["running"], status["ready"], status["lag"], status["dead_letters"]) == (True, True, 0, 0)


def test_channels_are_listed_with_their_accounts(daemon: RunningDaemon) -> None:
    listed = {line["channel"]: [account["account"] for account in line["accounts"]] for line in daemon.json("channels")}
    used = [(channel, accounts) for channel, accounts in listed.items() if accounts]
    assert used == [("mail", ["support"])]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("tickets", "show", "1234567890"), 2, ""),
        (("tickets", "show", "nonsense"), 2, "10 digits"),
        (("spool", "show", "999999"), 4, "is not held"),
        (("import", "/nowhere"), 4, "no such file or folder"),
        (("import", "--account", "nobody", "."), 2, "no mail account nobody"),
        (("tickets", "list", "--limit", "0"), 2, "limit"),
        (("frobnicate",), 2, "frobnicate"),
        (("spool", "show", "9" * 23), 2, "an id is a number from 1 to"),
        (("spool", "link", "0", "1234567890"), 2, "an id is a number from 1 to"),
        (("dead-letters", "drop", "9" * 23), 2, "an id is a number from 1 to"),
        (("tickets", "list", "--status", "foo"), 2, "there are: open, closed"),
        (("spool", "list", "--reason", "foo"), 2, "unmatched_reply, stranger"),
        (("spool", "discard", "--reason", "stranger"), 2, "people's messages by their ids"),
        (("spool", "discard", "--account", "support"), 2, "people's messages by their ids"),
        (("spool", "discard"), 2, "name messages by their ids"),
        (("spool", "discard", "7", "--reason", "bounce"), 2, "name messages by their ids"),
        (("spool", "discard", "--reason", "bounce", "--older-than", "soon"), 2, "such as 12h, 30d or 2w"),
        (("spool", "discard", "--reason", "bounce"), 4, "nothing is held that fits"),
        (("tickets", "list", "--account", "nope"), 2, "there are: support"),
        (("spool", "list", "--account", "nope"), 2, "there are: support"),
        (("dead-letters", "list", "--account", "nope"), 2, "there are: support"),
        (("run", "--workers", "many"), 2, "workers"),
        (("run", "ingest", "--workers", "2"), 2, "workers"),
    ],
)
def test_a_mistake_of_the_user_is_a_sentence_and_an_exit_code(
    daemon: RunningDaemon, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert said in fails(daemon, *arguments, code=code)


def test_a_single_deleted_message_unbalances_the_ledger() -> None:
    with running_daemon() as daemon:
        (daemon.folder / "one.eml").write_bytes(bytes(mail("one")))
        daemon.json("import", "one.eml")
        daemon.settle(1)
        _psql(daemon, "delete from messages")
        done = daemon.cli("ledger", "--json", check=False)
        assert done.returncode == 1
        assert json.loads(done.stdout)["balanced"] is False


def _psql(daemon: RunningDaemon, text: str) -> None:
    import psycopg  # noqa: PLC0415 - for this test alone

    folder = daemon.folder / "var/postgres/data"
    with psycopg.connect(f"host={folder} user=postgres dbname=switchboard", autocommit=True) as connection:
        connection.execute(text.encode())


def test_without_a_daemon_a_command_starts_postgres_and_stops_it_again(short_folder: Path) -> None:
    alone = RunningDaemon(folder=short_folder)
    alone.cli("migrate")
    assert alone.json("tickets", "list") == []
    assert not (short_folder / "var/postgres/data/postmaster.pid").exists()


def test_check_shows_every_mistake_and_exits_one(short_folder: Path) -> None:
    alone = RunningDaemon(folder=short_folder, settings={"SWITCHBOARD_SMTP__PRT": "1", "SWITCHBOARD_HTTP__PORT": "x"})
    done = alone.cli("check", "--json", check=False)
    assert done.returncode == 1
    assert {(row["key"], row["where"]) for row in json.loads(done.stdout)} == {
        ("smtp.prt", "SWITCHBOARD_SMTP__PRT"),
        ("http.port", "SWITCHBOARD_HTTP__PORT"),
    }
    assert "smtp.prt" in fails(alone, "run", code=1)


@pytest.mark.parametrize("command", ["migrate", "tickets list", "run"])
def test_a_store_that_does_not_answer_is_a_sentence(short_folder: Path, command: str) -> None:
    nobody = {"SWITCHBOARD_STORE__URL": "postgresql://u:hunter2@127.0.0.1:1/x", "SWITCHBOARD_HTTP__PORT": "0"}
    said = fails(RunningDaemon(folder=short_folder, settings=nobody), *command.split(), code=3)
    assert "store.url: PostgreSQL does not answer there" in said
    assert "hunter2" not in said


@pytest.fixture
def short_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path leaves room for a socket's name, and that the server's user may pass."""
    folder = tmp_path_factory.mktemp("cli")
    for part in (folder, *folder.parents[:2]):
        part.chmod(0o755)
    return folder


def parsed(raw: bytes) -> dict[str, Any]:
    done = subprocess.run([*COMMAND, "parse", "-"], input=raw, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_parse_prints_one_object() -> None:
    found = parsed(bytes(mail("p", subject="Привет")))
    assert (found["subject"], found["from"]["address"]) == ("Привет", "ana@customer.example")


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\x00" * 1000, b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 9]
)
def test_parse_never_crashes(raw: bytes) -> None:
    assert "subject" in parsed(raw)


def test_parse_says_why_a_bomb_is_not_opened() -> None:
    bomb = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(1000)).encode()
    found = parsed(b"From: m@x.example\nSubject: boom\n" + bomb)
    assert found["undecodable"] is True
    assert (found["subject"], found["from"]["address"]) == ("boom", "m@x.example")
    assert found["problem"]


def test_parse_starts_fast() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    parsed(bytes(mail("fast")))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    assert spent < 1.0, f"{spent:.2f} s of processor time; a listing by hand would rather be instant"
