import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import httpx
import pytest
from house_tree import ROOT
from running_daemon import COMMAND, own_environment

from console import tables
from daemon.channels import channels
from daemon.demo.channels import ANSWERED, Answered, customers
from daemon.demo.channels import mistakes as answers_astray
from daemon.demo.customers import ANSWERS, Heard
from daemon.demo.mails import LARGE_FILE, DemoMail, demo_mails
from daemon.demo.relay import demo_relay
from daemon.demo.scenes import Outcome, mistakes
from daemon.demo.stage import Stage
from daemon.demo.systems import SystemCustomer
from schemas.base import MAX_FILE_BYTES
from schemas.numbers import is_valid
from ticket_store.ledger import Ledger, Outcomes

ANSWERS_SHOWN = ("channel", "customer", "ticket", "wrote", "answer", "arrived as", "ticket says")
HELD_SHOWN = ("id", "reason", "sender", "subject", "account", "held since (UTC)")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(text: str, headings: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Give the rows of the table with these headings, however wide it was printed; numbers differ from run to run."""
    lines = text.splitlines()
    head = next(at for at, line in enumerate(lines) if tuple(re.split(r" {2,}", line.strip())) == headings)
    starts = [lines[head].index(f" {heading}") + 1 for heading in headings]
    found: list[list[str]] = []
    for line in lines[head + 2 :]:
        if not line.strip() or line.startswith("```"):
            break
        cells = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
        if cells[0]:
            found.append(cells)
        else:
            found[-1] = [" ".join(filter(None, pair)) for pair in zip(found[-1], cells, strict=True)]
    return [tuple(re.sub(r"\d[\d:-]*", "N", cell) for cell in row) for row in found]


def test_a_table_is_read_the_same_however_its_rows_wrap() -> None:
    wide = " id   what            \n ───────\n  7   one two three 4 \n  8   five            \n\n"
    narrow = " id   what      \n ───────\n  9   one two   \n      three 5   \n  8   five      \n\n"
    assert rows(wide, ("id", "what")) == rows(narrow, ("id", "what")) == [("N", "one two three N"), ("N", "five")]


def test_the_answers_in_the_readme_are_those_of_the_demo() -> None:
    shown = rows(README, ANSWERS_SHOWN)
    assert tuple(column.heading for column in ANSWERED) == ANSWERS_SHOWN
    assert [row[0] for row in shown] == list(ANSWERS)
    assert [row[4] for row in shown] == [re.sub(r"\d[\d:-]*", "N", text) for text in ANSWERS.values()]


def test_the_held_mails_in_the_readme_are_those_of_the_demo() -> None:
    assert tuple(column.heading for column in tables.SPOOL) == HELD_SHOWN
    held = {(mail.reason, mail.sender) for mail in sent() if mail.becomes == "held"}
    assert {(reason, sender) for _, reason, sender, *_ in rows(README, HELD_SHOWN)} == held


@cache
def sent() -> tuple[DemoMail, ...]:
    """Give the demo's mails, built once: one has a file of 25 MB."""
    return tuple(demo_mails())


@pytest.mark.slow
@pytest.mark.postgres
def test_the_demo_shows_what_it_promises_and_leaves_nothing_behind() -> None:
    folder = Path(mkdtemp(prefix="switchboard-test-", dir="/tmp"))  # other runs of pytest shut its own folder to others
    folder.chmod(0o755)  # the user that runs the embedded server passes through
    unread = {"SWITCHBOARD_SMTP__PORT": "nonsense that it must not read"}
    environment = {**own_environment(), "TMPDIR": str(folder), **unread}
    done = subprocess.run(
        [*COMMAND, "demo"], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for channel in channels():
        assert re.search(
            rf"^ {channel} .*\d{{3}}-\d{{3}}-\d{{4}} .*(sent|seen|published) *$", done.stdout, re.MULTILINE
        ), channel
    for said in (
        "Pedido 4711",
        "ログインできません",
        "stranger",
        "undecodable",
        "auto_reply",
        "legacy",
        "It was sent to the signed reply address",
        "a file was refused",
        "Answered by Rita.",
        "We have corrected the address.",
        "Everything became what it should",
    ):
        assert said in done.stdout
    bare = [number for number in re.findall(r"(?<![\w-])\d{10}(?![\w-])", done.stdout) if is_valid(number)]
    assert bare == [], "ticket numbers stand in groups; chats have other numbers"
    for headings in (ANSWERS_SHOWN, HELD_SHOWN):
        page, shown = sorted(rows(README, headings)), sorted(rows(done.stdout, headings))  # routed in any order
        assert page == shown, "the tables in README.md are those of the demo"
    folder.rmdir()  # raises when something is left in it


def test_the_demos_mails_are_thirteen_and_show_every_fate() -> None:
    mails = sent()
    assert len(mails) == 13
    assert {mail.becomes for mail in mails} == {"ticket", "joined", "held", "duplicate", "released"}
    assert LARGE_FILE > MAX_FILE_BYTES


def test_the_demo_names_every_promise_that_was_not_kept() -> None:
    twelve = Outcomes(ticketed=12)
    nothing = Ledger(accepted=12, outcomes=twelve, in_flight=0, refused=0, accounts={"support": (twelve, 0)})
    found = list(mistakes(list(sent()), Outcome(tickets=[], spool=[], ledger=nothing)))
    assert "duplicates: 0 instead of 1" in found
    assert "the mail of eve@elsewhere.example is not held as stranger" in found
    assert "a ticket of kenji@rei.example is missing" in found


def test_the_demo_has_a_customer_and_an_answer_for_every_channel(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    with demo_relay(stage.relay_port) as relay, customers(stage, relay) as everybody:
        assert {customer.channel for customer in everybody} == set(channels()) == ANSWERS.keys()
        assert len({customer.account for customer in everybody}) == len(everybody)
        assert set(stage.settings.accounts) == {customer.account for customer in everybody}


def test_the_demo_names_an_answer_that_went_astray() -> None:
    customer = SystemCustomer(lambda _: httpx.Client())
    wrong = Answered(customer=customer, number="1" * 10, heard=Heard(text="else", seen=""), state="failed")
    assert list(answers_astray([wrong])) == ["api: order system heard 'else'", "api: the ticket says 'failed'"]
