"""`spool list|show|link|open|discard`."""

from typing import Annotated

import typer

from daemon.cli_options import Config, Json, Limit

app = typer.Typer(help="Held messages.", no_args_is_help=True, rich_markup_mode=None)
Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the held message.")]


@app.command("list")
def list_(
    *,
    reason: Annotated[str | None, typer.Option(help="Held for this reason alone.")] = None,
    account: Annotated[str | None, typer.Option(help="Of this account alone.")] = None,
    limit: Limit = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List held messages, the oldest first."""
    del config
    from daemon.spool import list_held  # noqa: PLC0415 - see `daemon.cli`

    list_held(reason=reason, account=account, limit=limit, as_json=as_json)


@app.command()
def show(message: Id, *, as_json: Json = False, config: Config = None) -> None:
    """Show one held message, why it waits, and which tickets it might belong to."""
    del config
    from daemon.spool import show_held  # noqa: PLC0415 - see `daemon.cli`

    show_held(message, as_json=as_json)


@app.command()
def link(
    message: Id,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The ticket's public number.")],
    *,
    config: Config = None,
) -> None:
    """Put a held message on a ticket."""
    del config
    from daemon.spool import link_held  # noqa: PLC0415 - see `daemon.cli`

    link_held(message, number)


@app.command("open")
def open_(message: Id, *, config: Config = None) -> None:
    """Make a ticket of a held message."""
    del config
    from daemon.spool import open_held  # noqa: PLC0415 - see `daemon.cli`

    open_held(message)


@app.command()
def discard(message: Id, *, config: Config = None) -> None:
    """Take a held message out of the spool; it is kept and counted."""
    del config
    from daemon.spool import discard_held  # noqa: PLC0415 - see `daemon.cli`

    discard_held(message)
