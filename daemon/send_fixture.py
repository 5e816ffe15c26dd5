"""What `send-fixture` does: a recorded delivery goes to a running daemon, signed with the account's own secret."""

import json
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from connectors.base import Delivery, Push, Signs
from daemon.channels import channels
from daemon.cli_options import loaded_settings, print_line
from daemon.clock import now
from daemon.errors import UNAVAILABLE, UserError
from daemon.settings import Settings

TIMEOUT: Final = 30.0


def send_fixture(path: Path, *, account: str | None, url: str | None) -> int:
    """Send it and print the answer; 3 when nothing was stored."""
    settings = loaded_settings().settings
    content = _read(path)
    name = account or _only_account(settings, str(content["account"]["settings"].get("channel", "mail")))
    delivery = _signed(settings, name, content, path)
    base = url or f"http://{settings.intake.host}:{settings.intake.port}"
    target = f"{base.rstrip('/')}/in/{delivery.account.channel}/{name}"
    status, body = _post(target, delivery)
    print_line(f"{status} {body}".strip())
    return 0 if status in range(200, 300) else UNAVAILABLE


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["account"]["settings"], content["delivery"]["intake"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is no recorded delivery: {type(error).__name__}") from error
    return dict(content)


def _only_account(settings: Settings, channel: str) -> str:
    found = [name for name in settings.accounts if settings.account(name).channel == channel]
    if len(found) != 1:
        raise UserError(f"{len(found)} accounts of channel {channel} are set: name one with --account")
    return found[0]


def _signed(settings: Settings, name: str, content: Mapping[str, Any], path: Path) -> Delivery:
    if name not in settings.accounts:
        raise UserError(f"there is no account {name}")
    account = settings.account(name)
    connector = channels()[account.channel].connect(account=account, settings=settings.accounts[name])
    if not isinstance(connector, Push):
        raise UserError(f"account {name} is not called by its platform: mail comes by SMTP, pollers ask")
    given = content["delivery"]
    delivery = Delivery(
        account=account,
        raw=_body(given, path),
        received_at=now(),
        intake="webhook",
        headers=given.get("headers", {}),
    )
    return connector.sign(delivery) if isinstance(connector, Signs) else delivery


def _body(given: Mapping[str, Any], path: Path) -> bytes:
    if "json" in given:
        return json.dumps(given["json"], ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
    if "base64" in given:
        return b64decode(given["base64"])
    if "file" in given:
        return (path.parent / str(given["file"])).read_bytes()
    return str(given["text"]).encode()


def _post(url: str, delivery: Delivery) -> tuple[int, str]:
    if not url.startswith(("http://", "https://")):
        raise UserError("--url begins with http:// or https://")
    request = urllib.request.Request(url, data=delivery.raw, headers=dict(delivery.headers))  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - checked above
            return int(answer.status), answer.read(1000).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(1000).decode(errors="replace")
    except OSError as error:
        raise UserError(f"nobody answers at {url}: is the daemon running, with an account that is called?") from error
