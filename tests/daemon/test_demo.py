import os
import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import httpx
import pytest
from running_daemon import COMMAND

from daemon.channels import channels
from daemon.demo.channels import Answered, customers
from daemon.demo.channels import mistakes as answers_astray
from daemon.demo.customers import ANSWERS, Heard
from daemon.demo.mails import LARGE_FILE, DemoMail, demo_mails
from daemon.demo.relay import demo_relay
from daemon.demo.scenes import Outcome, mistakes
from daemon.demo.stage import Stage
from daemon.demo.systems import SystemCustomer
from schemas.base import MAX_FILE_BYTES
from ticket_store.ledger import Ledger, Outcomes


@cache
def sent() -> tuple[DemoMail, ...]:
    """Give the demo's mails, built once: one has a file of 25 MB."""
    return tuple(demo_mails())


@pytest.mark.slow
@pytest.mark.postgres
def test_the_demo_shows_what_it_promises_and_leaves_nothing_behind() -> None:
    folder = Path(mkdtemp(prefix="switchboard-test-", dir="/tmp"))  # other runs of pytest shut its own folder to others
    folder.chmod(0o755)  # the user that runs the embedded server passes through
    environment = {**os.environ, "TMPDIR": str(folder), "SWITCHBOARD_SMTP__PORT": "nonsense that it must not read"}
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
