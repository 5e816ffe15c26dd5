"""The command line around conversations: invitations, links, live chats."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from running_daemon import RunningDaemon, running_daemon

from doubles.telegram import telegram_double
from doubles.viber import viber_double
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


def test_an_invitation_gives_the_whole_link_into_every_chat_where_it_counts(daemon: RunningDaemon) -> None:
    (number,) = [t["number"] for t in daemon.json("tickets", "list", "--requester", "ana@customer.example")]
    telegram_token, viber_token = "123456:invented", "4f0e0a9c1a2b3c4d-5e6f708192a3b4c5"
    with telegram_double(telegram_token) as telegram, viber_double(viber_token) as viber:
        accounts = {
            "bot": {"channel": "telegram", "token": telegram_token, "base_url": telegram.base_url, "scope": "support"},
            "other": {"channel": "telegram", "token": telegram_token, "base_url": telegram.base_url},
            "vb": {"channel": "viber", "token": viber_token, "base_url": viber.base_url, "scope": "support"},
            "club": {
                "channel": "vk",
                "token": "vk1.invented",
                "group_id": "218",
                "intake": "longpoll",
                "scope": "support",
            },
        }
        keys = {f"SWITCHBOARD_ACCOUNTS__{a}__{k}".upper(): v for a, table in accounts.items() for k, v in table.items()}
        later = RunningDaemon(folder=daemon.folder, settings={**SUPPORT, **keys})
        made = {name: invitation(later, number, name) for name in ("telegram", "viber", "vk")}
        viber.outage = True
        assert "link, vb: get_account_info" in later.cli("tickets", "invite", number, "--to", "viber").stdout
    assert made["telegram"]["links"] == {"bot": f"https://t.me/example_shop_bot?start={made['telegram']['payload']}"}
    assert made["viber"]["links"] == {"vb": f"viber://pa?chatURI=inventedbot&context={made['viber']['payload']}"}
    assert made["vk"]["links"] == {"club": f"https://vk.me/club218?ref={made['vk']['payload']}"}


def invitation(daemon: RunningDaemon, number: str, channel: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(daemon.cli("tickets", "invite", number, "--to", channel, "--json").stdout)
    return found


def test_what_is_no_chat_is_neither_turned_nor_unlinked(daemon: RunningDaemon) -> None:
    (number,) = [t["number"] for t in daemon.json("tickets", "list", "--requester", "ana@customer.example")]
    assert "no live chat" in fails(daemon, "tickets", "turn", number, code=1)
    assert "nobody was proven" in fails(daemon, "tickets", "unlink", number, code=1)
