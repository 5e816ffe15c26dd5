"""`tickets list|show|close|reopen`."""

from typing import Annotated

import typer

from daemon.cli_options import Account, Config, Json, Limit

app = typer.Typer(
    help="See, close and reopen tickets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The ticket's number, with or without dashes.")]


@app.command("list")
def list_(
    *,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="open or closed.")] = None,
    account: Account = None,
    requester: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of this requester alone.")] = None,
    limit: Limit = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List tickets, the one with the newest message first."""
    del config
    from daemon.tickets import list_tickets  # noqa: PLC0415 - see `daemon.cli`

    list_tickets(status=status, account=account, requester=requester, limit=limit, as_json=as_json)


@app.command()
def show(number: Number, *, as_json: Json = False, config: Config = None) -> None:
    """Show one ticket, its messages, and why each is there."""
    del config
    from daemon.tickets import show_ticket  # noqa: PLC0415 - see `daemon.cli`

    show_ticket(number, as_json=as_json)


@app.command()
def close(number: Number, *, config: Config = None) -> None:
    """Close a ticket."""
    del config
    from daemon.tickets import move_ticket  # noqa: PLC0415 - see `daemon.cli`

    move_ticket(number, "closed")


@app.command()
def reopen(number: Number, *, config: Config = None) -> None:
    """Open a closed ticket again."""
    del config
    from daemon.tickets import move_ticket  # noqa: PLC0415 - see `daemon.cli`

    move_ticket(number, "open")
