"""`parse` and `import`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli_options import Config, Json


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("parse")(parse)
    app.command("import")(import_)


def parse(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="One raw mail; - reads standard input.")] = "-",
) -> None:
    """Print what we understand of one raw mail, as JSON."""
    import json  # noqa: PLC0415 - see `daemon.cli`

    raw = _raw(file)
    described = json.dumps(_described(raw), ensure_ascii=False, indent=2)
    sys.stdout.buffer.write(described.encode("utf-8", "backslashreplace") + b"\n")


def _raw(file: str) -> bytes:
    from daemon.errors import NOT_FOUND, UserError  # noqa: PLC0415 - see `daemon.cli`

    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}", code=NOT_FOUND) from error


def _described(raw: bytes) -> dict[str, object]:
    from connectors.base import InvalidDeliveryError  # noqa: PLC0415 - see `daemon.cli`
    from connectors.mail.report import report  # noqa: PLC0415 - see `daemon.cli`

    try:
        return report(raw)
    except InvalidDeliveryError as error:
        return _undecodable(raw, error.reason)


def _undecodable(raw: bytes, reason: str) -> dict[str, object]:
    """Describe a mail over the structure limits by the top of its header, as it would be held."""
    from connectors.base import Account, Delivery  # noqa: PLC0415 - see `daemon.cli`
    from connectors.mail.normalize import undecodable  # noqa: PLC0415 - see `daemon.cli`
    from daemon.clock import now  # noqa: PLC0415 - see `daemon.cli`

    account = Account(name="parse", channel="mail", scope="parse")
    held = undecodable(Delivery(account=account, raw=raw, received_at=now(), intake="parse"), reason)
    return {
        "undecodable": True,
        "problem": held.problem,
        "from": {"address": held.sender.address, "name": held.sender.name},
        "subject": held.subject,
        "text": "",
        "reply_text": "",
        "html": None,
        "attachments": [],
    }


def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", hidden=True)],
    *,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose mail it is; needed when there are several.")
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Take mails from files as if they had just arrived.

    PATH is an eml file, an mbox file, or a folder of them, however deep.

    Doing it again does no harm: what was there already is counted as a duplicate.
    Exit 4 when there is nothing to import.
    """
    del config
    from daemon.importer import run_import  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(run_import(paths, account=account, as_json=as_json))
