"""The command line around conversations: invitations, links, live chats."""

import json
from collections.abc import Iterator

import pytest
from running_daemon import RunningDaemon, running_daemon

from schemas.proofs import code_in, read_payload

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

SUPPORT = {"SWITCHBOARD_ACCOUNTS__SUPPORT__ADDRESSES": '["support@*"]'}
MAIL = b"""From: ana@customer.example
To: support@example.org
Subject: Help
Message-ID: <a@customer.example>

How are you?
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    """A daemon that holds one ticket, opened by mail."""
    with running_daemon() as started:
        (started.folder / "old").mkdir()
        (started.folder / "old" / "a.eml").write_bytes(MAIL)
        started.cli("import", str(started.folder / "old"))
        started.settle(1)
        yield started


def fails(daemon: RunningDaemon, *arguments: str, code: int) -> str:
    done = daemon.cli(*arguments, check=False)
    assert done.returncode == code, done
    return done.stderr


def test_a_requester_is_invited_to_another_channel(daemon: RunningDaemon) -> None:
    (number,) = [t["number"] for t in daemon.json("tickets", "list", "--requester", "ana@customer.example")]
    assert "there are mail" in fails(daemon, "tickets", "invite", number, "--to", "telegram", code=2)
    assert "a proof is brought in a chat" in fails(daemon, "tickets", "invite", number, "--to", "mail", code=1)
    bot = {"SWITCHBOARD_ACCOUNTS__BOT__CHANNEL": "telegram", "SWITCHBOARD_ACCOUNTS__BOT__TOKEN": "123456:invented"}
    alone = RunningDaemon(folder=daemon.folder, settings={**SUPPORT, **bot})
    assert "give it the same scope" in fails(alone, "tickets", "invite", number, "--to", "telegram", code=1)
    shared = {"SWITCHBOARD_ACCOUNTS__BOT__SCOPE": "support"}
    later = RunningDaemon(folder=daemon.folder, settings={**SUPPORT, **bot, **shared})
    made = json.loads(later.cli("tickets", "invite", number, "--to", "telegram", "--by", "rui", "--json").stdout)
    assert read_payload(made["payload"]) is not None
    assert code_in(made["code"]) == made["code"]
    text = later.cli("tickets", "invite", number, "--to", "telegram", "--hours", "2").stdout
    assert "payload of a link: i" in text
    assert made["payload"] not in text


def test_what_is_no_chat_is_neither_turned_nor_unlinked(daemon: RunningDaemon) -> None:
    (number,) = [t["number"] for t in daemon.json("tickets", "list", "--requester", "ana@customer.example")]
    assert "no live chat" in fails(daemon, "tickets", "turn", number, code=1)
    assert "nobody was proven" in fails(daemon, "tickets", "unlink", number, code=1)
