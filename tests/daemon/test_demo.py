import os
import subprocess
from functools import cache

import pytest
from running_daemon import COMMAND

from daemon.demo.mails import LARGE_FILE, DemoMail, demo_mails
from daemon.demo.run import Outcome, mistakes
from schemas.base import MAX_FILE_BYTES
from ticket_store.ledger import Ledger, Outcomes


@cache
def sent() -> tuple[DemoMail, ...]:
    """Give the demo's mails, built once: one has a file of 25 MB."""
    return tuple(demo_mails())


@pytest.mark.slow
@pytest.mark.postgres
def test_the_demo_shows_what_it_promises_and_leaves_nothing_behind(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("d")  # short: a socket's path has 107 bytes
    environment = {**os.environ, "TMPDIR": str(folder), "SWITCHBOARD_SMTP__PORT": "nonsense that it must not read"}
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)
    done = subprocess.run(
        [*COMMAND, "demo"], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
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
    assert list(folder.iterdir()) == []


def test_the_demos_mails_are_thirteen_and_show_every_fate() -> None:
    mails = sent()
    assert len(mails) == 13
    assert {mail.becomes for mail in mails} == {"ticket", "joined", "held", "duplicate", "released"}
    assert LARGE_FILE > MAX_FILE_BYTES


def test_the_demo_names_every_promise_that_was_not_kept() -> None:
    nothing = Ledger(accepted=12, outcomes=Outcomes(ticketed=12), in_flight=0, refused=0, accounts={})
    found = list(mistakes(list(sent()), Outcome(tickets=[], spool=[], ledger=nothing)))
    assert "duplicates: 0 instead of 1" in found
    assert "the mail of eve@elsewhere.example is not held as stranger" in found
    assert "a ticket of kenji@rei.example is missing" in found
