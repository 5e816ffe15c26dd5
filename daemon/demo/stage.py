"""Where the demo plays: a folder, ports and settings of its own, its daemon, and an agent who uses the HTTP API."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from daemon.errors import UserError
from daemon.settings import Settings
from daemon.settings_load import load
from doubles.ports import free_ports

STREAM_SECONDS: Final = 30
"""Of silence."""
START_SECONDS: Final = 120
STOP_SECONDS: Final = 15
COMMAND_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.1

Row = dict[str, Any]


class Stage:
    """The demo's folder and settings. `accounts` are environment variables without their `SWITCHBOARD_`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        smtp, http, api, intake, relay = free_ports(5)
        self.smtp_port, self.relay_port = smtp, relay
        self.intake = f"http://127.0.0.1:{intake}"
        self.api = f"http://127.0.0.1:{api}/api/v1"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
        self.set(
            {
                "DATA_DIR": str(folder),
                "SMTP__PORT": str(smtp),
                "SMTP__HOSTNAME": "switchboard.example",
                "HTTP__PORT": str(http),
                "API__PORT": str(api),
                "WEBHOOKS__CONNECTIONS": "0",
                "INTAKE__PORT": str(intake),
                "INTAKE__PUBLIC_URL": self.intake,
                "LOG__FORMAT": "json",
                "OUTBOUND__SMTP__HOST": "127.0.0.1",
                "OUTBOUND__SMTP__PORT": str(relay),
            }
        )

    def set(self, values: Mapping[str, str]) -> None:
        """Set keys of the daemon to come."""
        self.environment |= {f"SWITCHBOARD_{name}": value for name, value in values.items()}

    def account(self, name: str, channel: str, settings: Mapping[str, str]) -> None:
        """Set an account of the daemon to come."""
        self.set(
            {f"ACCOUNTS__{name.upper()}__{field}": value for field, value in {"CHANNEL": channel, **settings}.items()}
        )

    @property
    def settings(self) -> Settings:
        """The settings as the daemon reads them."""
        return load(None, self.environment, self.folder).settings

    def command(self, *words: str) -> str:
        """Type a command beside the daemon; give what it printed. Raises `UserError`."""
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "daemon", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise UserError(f"{' '.join(words[:2])} failed: {done.stderr.strip()}")
        return done.stdout

    def client(self, name: str, *options: str) -> httpx.Client:
        """Make a token of the HTTP API, and give a client that has it."""
        made = json.loads(self.command("tokens", "create", name, *options, "--json"))
        return httpx.Client(
            base_url=self.api, headers={"Authorization": f"Bearer {made['token']}"}, timeout=STREAM_SECONDS
        )

    @contextmanager
    def daemon(self, *, keep: bool) -> Iterator[None]:
        """Run a daemon; stop it, unless it shall be kept."""
        log = self.folder / "daemon.log"
        with log.open("wb") as file:
            command = [sys.executable, "-m", "daemon", "run"]
            daemon = subprocess.Popen(  # noqa: S603 - our own program
                command, cwd=self.folder, env=self.environment, stderr=file, start_new_session=True
            )
        try:
            self._wait_until_ready(daemon, log)
            yield
        except BaseException:
            keep = False
            raise
        finally:
            if not keep:
                _stop(daemon)
                shutil.rmtree(self.folder, ignore_errors=True)

    def _wait_until_ready(self, daemon: "subprocess.Popen[bytes]", log: Path) -> None:
        url = f"http://127.0.0.1:{self.settings.http.port}/readyz"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and daemon.poll() is None:
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    json.load(answer)
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(LOOK_SECONDS)
        last = log.read_text(errors="replace").splitlines()[-5:]
        raise UserError("the demo's daemon did not get ready; its last words:\n" + "\n".join(last))


class Agent:
    """Somebody who reads and answers tickets over the HTTP API."""

    def __init__(self, stage: Stage) -> None:
        self._client = stage.client("agent", "--scope", "tickets:read", "--scope", "tickets:write")

    def ticket_of(self, account: str) -> Row | None:
        """Give the newest ticket of an account."""
        items = self._client.get("/tickets", params={"account": account}).raise_for_status().json()["items"]
        return items[0] if items else None

    def answer(self, number: str, text: str) -> None:
        """Answer the customer."""
        self._client.post(f"/tickets/{number}/reply", json={"text": text}).raise_for_status()

    def sent(self, number: str) -> str:
        """Say how far the last answer has come, as its ticket tells."""
        messages = self._client.get(f"/tickets/{number}/messages").raise_for_status().json()["items"]
        ours = [message["sending"] for message in messages if message["author"] == "agent"]
        return ", ".join(recipient["state"] for recipient in ours[-1]["recipients"]) if ours and ours[-1] else ""


def _stop(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
