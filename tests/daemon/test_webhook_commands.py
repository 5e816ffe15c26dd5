"""`webhooks ...` as people type it, and the page about it."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from api_lab import api_lab
from house_tree import ROOT
from running_daemon import RunningDaemon
from standardwebhooks import Webhook

from daemon.errors import UserError
from daemon.settings_load import load
from daemon.settings_problems import SettingsError
from daemon.webhook_desk import WebhookDesk
from router.webhooks.signing import headers, shown

SETTINGS = """
[accounts.desk]
addresses = ["desk@example.org"]
[webhooks]
allow_hosts = ["http://127.0.0.1:9"]
"""
URL = "https://crm.example.org/in?key=1"


class Desk:
    """Commands in processes of their own, on a store by URL."""

    def __init__(self, folder: Path, database: str) -> None:
        (folder / "switchboard.toml").write_text(SETTINGS, encoding="utf-8")
        self._daemon = RunningDaemon(folder=folder, settings={"SWITCHBOARD_STORE__URL": database})

    def typed(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output and complaints of a command."""
        done = self._daemon.cli("webhooks", *arguments, check=False)
        return done.returncode, done.stdout, done.stderr

    def rows(self, *arguments: str) -> Any:
        code, out, err = self.typed(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def desk(database: str, tmp_path: Path) -> Desk:
    return Desk(tmp_path, database)


def test_a_secret_is_shown_once_and_endpoints_are_kept_by_command(desk: Desk) -> None:
    code, out, err = desk.typed("add", URL, "--name", "crm", "--account", "desk", "--type", "ticket.created")
    secret = out.strip()
    assert (code, secret[:6]) == (0, "whsec_")
    assert "only time that the secret is shown" in err
    assert "nothing is sent: webhooks.connections is 0" in err
    assert desk.rows("rotate", "1", "--overlap", "12h")["secret"] != secret
    assert desk.typed("pause", "1")[:2] == (0, "endpoint 1 is paused; events wait for it\n")
    (row,) = desk.rows("list")
    assert (row["url"], row["accounts"], row["types"], row["secrets"]) == (URL, ["desk"], ["ticket.created"], 2)
    assert (row["name"], row["state"], row["reason"]) == ("crm", "paused", "paused by hand")
    assert secret[6:] not in json.dumps(row)
    code, _, err = desk.typed("test", "1")
    assert (code, "endpoint 1 is paused: `switchboard webhooks resume` first" in err) == (1, True)
    assert desk.typed("remove", "1")[0] == 0
    code, _, err = desk.typed("log", "1")
    assert (code, "there is no such endpoint" in err) == (4, True)


async def test_what_cannot_be_done_is_said_with_its_exit_code(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api:
        hooks = WebhookDesk(store=api.store)
        url = "https://crm.example.org/"
        cases: list[tuple[Awaitable[object], int, str]] = [
            (hooks.add("http://crm.example.org/"), 2, "webhooks.allow_hosts can name its server"),
            (hooks.add("http://127.0.0.1:10/"), 2, "webhooks.allow_hosts can name its server"),
            (hooks.add(url, types=["ticket.gone"]), 2, "there is no type 'ticket.gone'; there are: ticket.created"),
            (hooks.add(url, accounts=["desk"]), 2, "there is no account 'desk'; there are: sales, support"),
            (hooks.add(url, accounts=["sales"], seen={"support"}), 4, "an account of these is not there"),
            (hooks.show(7), 4, "there is no such endpoint"),
            (hooks.pause(7), 4, "there is no such endpoint"),
            (hooks.remove(7), 4, "there is no such endpoint"),
            (hooks.log(7, limit=1), 4, "there is no such endpoint"),
            (hooks.rotate(7, overlap=timedelta(days=60)), 2, "both secrets may sign for 30 days at most"),
        ]
        for work, code, says in cases:
            with pytest.raises(UserError, match=re.escape(says)) as refused:
                await work
            assert refused.value.code == code
        made, _ = await hooks.add(url, seen={"support"})
        assert made.accounts == ["support"]
        with pytest.raises(UserError, match="no such endpoint"):
            await hooks.show(made.id, seen={"sales"})
        for lost in (hooks.resend(made.id, 7), hooks.attempts(made.id, 7)):
            with pytest.raises(UserError, match="no such dispatch"):
                await lost


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('allow_hosts = ["desk.internal"]', "is not like desk.internal:8443"),
        ('allow_networks = ["10.1.0.1/16"]', "is not like 10.1.0.0/16"),
        ('ca_file = "none.pem"', "there is no file none.pem"),
        ('ca_file = "switchboard.toml"', "no certificates can be read from it"),
    ],
)
def test_a_mistake_in_the_settings_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, says: str
) -> None:
    file = tmp_path / "switchboard.toml"
    file.write_text(f"[webhooks]\n{line}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=says):
        load(file, {}, tmp_path)


def page_verify() -> Callable[[str, dict[str, str], bytes], str]:
    """The function that the page shows to people who write a receiver."""
    text = (ROOT / "docs" / "how-to" / "webhooks.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    room: dict[str, Any] = {}
    exec(code, room)  # noqa: S102 - the page's own example
    found: Callable[[str, dict[str, str], bytes], str] = room["verify"]
    return found


def test_the_check_that_the_page_shows_agrees_with_the_library() -> None:
    verify, body, secrets = page_verify(), '{"a": "ü"}'.encode(), [bytes([number]) * 32 for number in range(3)]
    sent = headers(secrets[:2], "id-1", datetime.now(UTC), body)
    for secret in secrets[:2]:
        Webhook(shown(secret)).verify(body, sent)
        assert verify(shown(secret), sent, body) == "id-1"


def test_the_check_that_the_page_shows_refuses_what_is_forged_altered_or_old() -> None:
    verify, body, secret = page_verify(), b"{}", bytes(32)
    sent = headers([secret], "id-1", datetime.now(UTC), body)
    old = headers([secret], "id-1", datetime.now(UTC) - timedelta(minutes=6), body)
    forged = {**sent, "webhook-signature": "v1,AAAA"}
    cases = [(bytes([1]) * 32, sent, body), (secret, sent, b"{} "), (secret, old, body), (secret, forged, body)]
    cases.append((secret, {**sent, "webhook-id": "id-2"}, body))
    for key, with_headers, content in cases:
        with pytest.raises(ValueError, match=r"too old|not signed"):
            verify(shown(key), with_headers, content)
