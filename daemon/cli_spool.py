"""`spool list|show|link|open|forward|discard`."""

from typing import Annotated

import typer

from daemon.cli_options import Account, Config, Json, Limit, store_id

app = typer.Typer(help="See and place messages that wait for a person.", no_args_is_help=True, rich_markup_mode=None)
Id = Annotated[int, typer.Argument(metavar="ID", callback=store_id, help="Number of the held message.")]


@app.command("list")
def list_(
    *,
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="Held for this reason alone, such as stranger.")
    ] = None,
    account: Account = None,
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
    """Show one held message and why it waits.

    Also which tickets it might belong to.
    """
    del config
    from daemon.spool import show_held  # noqa: PLC0415 - see `daemon.cli`

    show_held(message, as_json=as_json)


@app.command()
def link(
    message: Id,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The ticket's number, with or without dashes.")],
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
def forward(message: Id, *, config: Config = None) -> None:
    """Send a held message on to the old desk whose mail it is.

    So is what comes about the same old ticket from now on.
    """
    del config
    from daemon.spool import forward_held  # noqa: PLC0415 - see `daemon.cli`

    forward_held(message)


@app.command()
def discard(message: Id, *, config: Config = None) -> None:
    """Take a held message out of the spool; it is kept and counted."""
    del config
    from daemon.spool import discard_held  # noqa: PLC0415 - see `daemon.cli`

    discard_held(message)
