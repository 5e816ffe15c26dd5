"""`new-channel` and `send-fixture`, for those who write channels."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli_options import Config


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("new-channel")(new_channel)
    app.command("send-fixture")(send_fixture)


def new_channel(name: Annotated[str, typer.Argument(help="Small letters and digits.")]) -> None:
    """Write a new channel that works, with its tests."""
    from daemon.cli_options import print_line  # noqa: PLC0415 - see `daemon.cli`
    from daemon.new_channel import ROOT  # noqa: PLC0415 - see `daemon.cli`
    from daemon.new_channel import new_channel as write  # noqa: PLC0415 - see `daemon.cli`

    for path in write(name):
        print_line(str(path.relative_to(ROOT)))
    print_line(f"next: connectors/{name}/README.md")


def send_fixture(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A recorded delivery.")],
    *,
    account: Annotated[str | None, typer.Option(help="Default: the only one of its channel.")] = None,
    url: Annotated[str | None, typer.Option(help="Default: the listener of the settings.")] = None,
    config: Config = None,
) -> None:
    """Send a recorded delivery, signed, to a running daemon.

    Signed with the account's secret. Exit 3 when nothing was stored.
    """
    del config
    from daemon.send_fixture import send_fixture as send  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(send(path, account=account, url=url))
